package export_test

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/uuidtext"
)

func TestShortID(t *testing.T) {
	for want, uuid := range map[string][16]byte{
		"H9cNmGXLEc8NWcZzSThA9S": {0x55, 0x0e, 0x84, 0x00, 0xe2, 0x9b, 0x41, 0xd4, 0xa7, 0x16, 0x44, 0x66, 0x55, 0x44, 0x00, 0x00},
		"2222222222222222222222": {},
		"oZEq7ovRbLq6UnGMPwc8B5": {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
	} {
		if got := export.EncodeID(uuid); got != want {
			t.Errorf("EncodeID(%x) = %s, want %s", uuid, got, want)
		}
		if !export.ValidID(want) {
			t.Errorf("%s is not valid", want)
		}
	}
	for _, id := range []string{"", "short", "H9cNmGXLEc8NWcZzSThA9S2", "a1b2c3d4e5f6g7h8i9j0k1", "H9cNmGXLEc8NWcZzSThA9/", "H9cNmGXLEc8NWcZzSThAé"} {
		if export.ValidID(id) {
			t.Errorf("%q is valid", id)
		}
	}
	r := request()
	if id := export.RunJobID(acme.ID, r.AsOf); !export.ValidID(id) || id == export.RunJobID(acme.ID, r.AsOf.Add(1e9)) || id == export.RunJobID("x", r.AsOf) {
		t.Errorf("RunJobID gives %q", id)
	}
}

// The vectors are those of the documentation. The first three are published by Python's
// shortuuid, too.
func TestDecodeID(t *testing.T) {
	for text, id := range map[string]string{
		"00000000-0000-0000-0000-000000000000": "2222222222222222222222",
		"3b1f8b40-222c-4a6e-b77e-779d5a94e21c": "CXc85b4rqinB7s5J52TRYb",
		"ffffffff-ffff-ffff-ffff-ffffffffffff": "oZEq7ovRbLq6UnGMPwc8B5",
		"6f726765-7870-8000-8000-00000000002a": "MqFdnSYGNHaVgU8NhsurzX",
	} {
		if uuid, ok := export.DecodeID(id); !ok || uuidtext.Format(uuid) != text || export.EncodeID(uuid) != id {
			t.Errorf("DecodeID(%s) = %x, %v, want %s", id, uuid, ok, text)
		}
	}
	// The first is one more than the last UUID.
	for _, id := range []string{"oZEq7ovRbLq6UnGMPwc8B6", strings.Repeat("z", 22), "", "MqFdnSYGNHaVgU8Nhsurz", "MqFdnSYGNHaVgU8Nhsurz0"} {
		if uuid, ok := export.DecodeID(id); ok {
			t.Errorf("DecodeID(%q) = %x", id, uuid)
		}
	}
}

func TestNumber(t *testing.T) {
	for n, id := range map[int64]string{
		1:             "MqFdnSYGNHaVgU8Nhsuryo",
		42:            "MqFdnSYGNHaVgU8NhsurzX",
		math.MaxInt64: "MqFdnSYGNHbcNsfEbHgokE",
		-1:            "MqFdnSYGNHdQHYLCzv8XBA",
		0:             "", math.MinInt64: "", 1 << 62: "",
	} {
		got := export.EncodeNumber(n)
		if id != "" && got != id {
			t.Errorf("EncodeNumber(%d) = %s, want %s", n, got, id)
		}
		if back, ok := export.DecodeNumber(got); !ok || back != n {
			t.Errorf("DecodeNumber(EncodeNumber(%d)) = %d, %v", n, back, ok)
		}
		if uuid, _ := export.DecodeID(got); uuid[6]>>4 != 8 || uuid[8]>>6 != 2 {
			t.Errorf("%x is no UUID of version 8", uuid)
		}
	}
	for _, id := range []string{"2222222222222222222222", "CXc85b4rqinB7s5J52TRYb", "zzzzzzzzzzzzzzzzzzzzzz", "42", export.NewID()} {
		if n, ok := export.DecodeNumber(id); ok {
			t.Errorf("DecodeNumber(%q) = %d", id, n)
		}
	}
}

// Arithmetic of package big is the judge.
func FuzzDecodeID(f *testing.F) {
	f.Add([]byte("MqFdnSYGNHaVgU8NhsurzX"))
	f.Add([]byte("oZEq7ovRbLq6UnGMPwc8B6"))
	f.Add([]byte("zzzzzzzzzzzzzzzzzzzzzz"))
	const alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	f.Fuzz(func(t *testing.T, b []byte) {
		id := make([]byte, 22)
		want := new(big.Int)
		for i := range id {
			digit := 0
			if i < len(b) {
				digit = int(b[i]) % 57
			}
			id[i] = alphabet[digit]
			want.Add(want.Mul(want, big.NewInt(57)), big.NewInt(int64(digit)))
		}
		uuid, ok := export.DecodeID(string(id))
		if ok != (want.BitLen() <= 128) || ok && (want.Cmp(new(big.Int).SetBytes(uuid[:])) != 0 || export.EncodeID(uuid) != string(id)) {
			t.Errorf("DecodeID(%s) = %x, %v, want %x", id, uuid, ok, want)
		}
		if n, ok := export.DecodeNumber(string(id)); ok && export.EncodeNumber(n) != string(id) {
			t.Errorf("DecodeNumber(%s) = %d", id, n)
		}
	})
}
