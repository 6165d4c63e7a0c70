package blob

import "testing"

func TestPiece(t *testing.T) {
	for _, c := range []struct {
		maxPieces, most int64
		want            int
	}{
		{0, 5 << 40, 16 << 20},
		{0, 1000, 256 << 10},
		{0, 1 << 20, 1 << 20},
		{49_000, 1 << 30, 16 << 20},
		{49_000, 49_000 * (16 << 20), 16 << 20},
		{49_000, 49_000*(16<<20) + 1, 16<<20 + 1},
		{49_000, 1000, 256 << 10},
	} {
		b := &Bucket{config: Config{PartSize: defaultPartSize, Provider: Provider{MaxPieces: c.maxPieces}}}
		if got := b.piece(c.most); got != c.want {
			t.Errorf("%d bytes in up to %d pieces: a piece is %d, want %d", c.most, c.maxPieces, got, c.want)
		}
	}
}
