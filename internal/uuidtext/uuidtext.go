// Package uuidtext writes and reads UUIDs as text.
package uuidtext

import "encoding/hex"

// Format returns a UUID as text, such as 6f726765-7870-8000-8000-00000000002a.
func Format(uuid [16]byte) string {
	text := hex.EncodeToString(uuid[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// Parse reads a UUID as [Format] writes it, in capitals, too.
func Parse(text string) (uuid [16]byte, ok bool) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return uuid, false
	}
	_, err := hex.Decode(uuid[:], []byte(text[:8]+text[9:13]+text[14:18]+text[19:23]+text[24:]))
	return uuid, err == nil
}
