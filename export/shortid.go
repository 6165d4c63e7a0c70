package export

import (
	"crypto/rand"
	"crypto/sha256"
	"math/bits"
	"strings"
	"time"
)

// idAlphabet is base57: digits and letters without those that look alike.
const idAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// idLength is how many base57 digits a UUID takes.
const idLength = 22

// EncodeID returns the 22-character short id of a UUID: its 128 bits as one
// number in base57, most significant digit first, padded with '2'. It equals
// what Python's shortuuid makes since its version 1.0.
func EncodeID(uuid [16]byte) string {
	var hi, lo uint64
	for i := range 8 {
		hi, lo = hi<<8|uint64(uuid[i]), lo<<8|uint64(uuid[8+i])
	}
	var out [idLength]byte
	for i := idLength - 1; i >= 0; i-- {
		var digit uint64
		hi, digit = hi/57, hi%57
		lo, digit = bits.Div64(digit, lo, 57)
		out[i] = idAlphabet[digit]
	}
	return string(out[:])
}

// NewID returns the short id of a random UUID (version 4 of RFC 9562).
func NewID() string {
	var uuid [16]byte
	_, _ = rand.Read(uuid[:]) // never fails
	uuid[6] = uuid[6]&0x0f | 0x40
	uuid[8] = uuid[8]&0x3f | 0x80
	return EncodeID(uuid)
}

// ValidID reports whether id is 22 characters of the base57 alphabet. About a fifth of
// such texts encode no UUID: they are valid ids of nothing.
func ValidID(id string) bool {
	return len(id) == idLength && strings.Trim(id, idAlphabet) == ""
}

// RunJobID returns the id of an export without a job row. It is made of the
// organization and the instant, so that the same export gives the same bytes. Use it
// for one export at a time; a service gives each job an id of its own.
func RunJobID(organizationID string, asOf time.Time) string {
	digest := sha256.Sum256([]byte("orgexport run\x00" + organizationID + "\x00" + asOf.UTC().Format(time.RFC3339)))
	uuid := [16]byte(digest[:16])
	uuid[6] = uuid[6]&0x0f | 0x80 // version 8: made from a custom hash (RFC 9562)
	uuid[8] = uuid[8]&0x3f | 0x80
	return EncodeID(uuid)
}
