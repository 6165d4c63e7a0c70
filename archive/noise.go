package archive

const (
	// noisePieces of noisePiece bytes are looked at in a segment. If each looks like noise,
	// probes of probeSize bytes are packed to be sure.
	noisePieces = 16
	noisePiece  = 4 << 10
	probes      = 3
	probeSize   = 64 << 10
)

// worthPacking reports whether it is worth trying to pack a segment. Small ones always are.
// Large ones are not if they look like images and others that were packed before: that costs
// a fifth of packing them.
func (d *deflater) worthPacking(raw []byte) (bool, error) {
	if len(raw) <= 4*probeSize {
		return len(raw) > 0, nil
	}
	for i := range noisePieces {
		if !likeNoise(spread(raw, noisePiece, i, noisePieces)) {
			return true, nil
		}
	}
	for i := range probes {
		packed, err := d.deflate(d.probe[:0], spread(raw, probeSize, i, probes), nil, true)
		if err != nil {
			return false, err
		}
		d.probe = packed
		if shrinks(probeSize, len(packed)) {
			return true, nil
		}
	}
	return false, nil
}

// spread returns piece i of n that are spread over b from its beginning to its end.
func spread(b []byte, size, i, n int) []byte {
	at := (len(b) - size) * i / (n - 1)
	return b[at : at+size]
}

// likeNoise reports whether all bytes are about as frequent in b. The sum of their squared
// frequencies is 256 times that of noise if there is only one, and four times in base64.
func likeNoise(b []byte) bool {
	var counts [256]int
	for _, c := range b {
		counts[c]++
	}
	var squares int
	for _, n := range counts {
		squares += n * n
	}
	return 256*squares < 2*len(b)*len(b)
}

// shrinks reports whether packing saves 2 % or more.
func shrinks(raw, packed int) bool { return packed <= raw-raw/50-1 }
