package archive

import "hash/crc32"

// combineCRC returns the CRC-32 (IEEE) of two byte strings, one behind the other,
// from the check sum of each and the length of the second. It relies on this:
// n zero bytes behind a string multiply its check sum by x^(8n) modulo the
// polynomial, and the rest is linear.
func combineCRC(first, second uint32, secondLen int64) uint32 {
	return multiplyCRC(first, powerCRC(secondLen)) ^ second
}

// powerCRC returns x^(8n) modulo the polynomial, with reflected bits.
func powerCRC(n int64) uint32 {
	result, square := uint32(1<<31), uint32(1<<23) // x^0 and x^8
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			result = multiplyCRC(result, square)
		}
		square = multiplyCRC(square, square)
	}
	return result
}

// multiplyCRC multiplies two polynomials modulo that of the CRC, with reflected
// bits.
func multiplyCRC(a, b uint32) uint32 {
	var product uint32
	for bit := uint32(1 << 31); bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		if b&1 == 1 {
			b = b>>1 ^ crc32.IEEE
		} else {
			b >>= 1
		}
	}
	return product
}
