package export

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
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
// what Python's shortuuid makes since its version 1.0:
//
//	00000000-0000-0000-0000-000000000000 | 2222222222222222222222
//	3b1f8b40-222c-4a6e-b77e-779d5a94e21c | CXc85b4rqinB7s5J52TRYb
//	ffffffff-ffff-ffff-ffff-ffffffffffff | oZEq7ovRbLq6UnGMPwc8B5
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

// DecodeID returns the UUID whose short id this is. ok is false if there is none: the text is
// no valid id, or stands for a number of more than 128 bits.
func DecodeID(id string) (uuid [16]byte, ok bool) {
	if !ValidID(id) {
		return uuid, false
	}
	var hi, lo uint64
	for i := range idLength {
		digit := uint64(strings.IndexByte(idAlphabet, id[i]))
		over, low := bits.Mul64(lo, 57)
		low, carry := bits.Add64(low, digit, 0)
		over += carry
		most, high := bits.Mul64(hi, 57)
		high, carry = bits.Add64(high, over, 0)
		if most+carry > 0 {
			return uuid, false
		}
		hi, lo = high, low
	}
	binary.BigEndian.PutUint64(uuid[:8], hi)
	binary.BigEndian.PutUint64(uuid[8:], lo)
	return uuid, true
}

// numberPrefix is how the UUIDs of numbers begin. A UUID of version 8 may hold anything but
// for six bits (RFC 9562, section 5.8): here it is "orgexp", and 64 bits of the number, of
// which the highest two stand before the variant and the others behind it.
const numberPrefix = "orgexp"

// EncodeNumber returns the short id of an organization that a product knows by a number: that
// of a UUID of version 8 that holds the number. No table is needed to read it back.
//
//	number               | UUID                                 | id
//	1                    | 6f726765-7870-8000-8000-000000000001 | MqFdnSYGNHaVgU8Nhsuryo
//	42                   | 6f726765-7870-8000-8000-00000000002a | MqFdnSYGNHaVgU8NhsurzX
//	9223372036854775807  | 6f726765-7870-8001-bfff-ffffffffffff | MqFdnSYGNHbcNsfEbHgokE
//	-1                   | 6f726765-7870-8003-bfff-ffffffffffff | MqFdnSYGNHdQHYLCzv8XBA
func EncodeNumber(n int64) string {
	uuid := [16]byte{6: 0x80}
	copy(uuid[:], numberPrefix)
	uuid[7] = byte(uint64(n) >> 62)
	binary.BigEndian.PutUint64(uuid[8:], uint64(n)&^(3<<62)|2<<62)
	return EncodeID(uuid)
}

// DecodeNumber returns the number whose id [EncodeNumber] has returned. ok is false for any
// other text.
func DecodeNumber(id string) (n int64, ok bool) {
	uuid, ok := DecodeID(id)
	if !ok || string(uuid[:len(numberPrefix)]) != numberPrefix || uuid[6] != 0x80 || uuid[7] > 3 || uuid[8]>>6 != 2 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(uuid[8:])&^(3<<62) | uint64(uuid[7])<<62), true
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
