package archive

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// FuzzTarHeader holds headers against those of archive/tar, to the byte.
func FuzzTarHeader(f *testing.F) {
	long := strings.Repeat("folder/", 14)
	for _, name := range []string{
		"a", "export-acme/products/42.yaml", strings.Repeat("n", 100), strings.Repeat("n", 101), long + "ab", long + "abc", long + strings.Repeat("n", 100),
		long + strings.Repeat("n", 101), strings.Repeat("f", 155) + "/n", strings.Repeat("f", 156) + "/n", strings.Repeat("f", 154) + "/" + strings.Repeat("n", 100),
		strings.Repeat("f", 155) + "/" + strings.Repeat("n", 100), strings.Repeat("f", 200), "Zoë.txt", "a\x01b", "tab\there",
	} {
		for _, size := range []int64{0, 1, 4096, tarMaxNumber, tarMaxNumber + 1} {
			f.Add(name, size, int64(1_790_000_000))
		}
		for _, seconds := range []int64{-1, 0, tarMaxNumber, tarMaxNumber + 1, time.Time{}.Unix()} {
			f.Add(name, int64(7), seconds)
		}
	}
	f.Fuzz(func(t *testing.T, name string, size, seconds int64) {
		const latest = 253402300799 // the end of the year 9999
		if checkName(name) != nil || size < 0 || seconds > latest || seconds < -latest {
			t.Skip()
		}
		e := Entry{Name: name, ModTime: time.Unix(seconds, 999).In(time.FixedZone("", 3600))}
		want, wantErr := appendPAX(nil, e, size)
		got, err := appendTarHeader([]byte("before"), e, size)
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("%v, want %v", err, wantErr)
		}
		if got, _ = bytes.CutPrefix(got, []byte("before")); !bytes.Equal(got, want) {
			t.Errorf("%q\nwant\n%q", got, want)
		}
	})
}
