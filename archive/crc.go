package archive

import "hash/crc32"

// combineCRC returns the CRC-32 (IEEE) of two byte strings put together from
// the check sums of each and the length of the second. Appending n zero bytes
// multiplies a check sum by x^(8n) modulo the polynomial; the rest is linear.
func combineCRC(first, second uint32, secondLen int64) uint32 {
	return multiplyCRC(first, powerCRC(secondLen)) ^ second
}

// powerCRC returns x^(8n) modulo the polynomial, bits reflected.
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

// multiplyCRC multiplies two polynomials modulo the CRC's, bits reflected.
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
