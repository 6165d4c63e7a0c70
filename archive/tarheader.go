package archive

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
	"time"
)

// Fields of a USTAR header (IEEE Std 1003.1, "ustar Interchange Format"): where they begin,
// and how long they are.
const (
	tarName, tarNameSize     = 0, 100
	tarMode, tarModeSize     = 100, 8
	tarSize, tarSizeSize     = 124, 12
	tarTime, tarTimeSize     = 136, 12
	tarSum, tarSumSize       = 148, 8
	tarKind                  = 156
	tarMagic                 = 257
	tarPrefix, tarPrefixSize = 345, 155

	tarMaxNumber = 1<<33 - 1 // in eleven octal digits
)

// tarTemplate is a header of a plain file without name, size, time and check sum. The owner
// and what is for devices are 0.
var tarTemplate = func() (b [tarBlock]byte) {
	for _, at := range []int{108, 116, 329, 337} { // owner, group and the two numbers of a device
		copy(b[at:], "0000000")
	}
	copy(b[tarMode:tarMode+tarModeSize], "0000644")
	b[tarKind] = tar.TypeReg
	copy(b[tarMagic:], "ustar\x0000")
	return b
}()

// appendTarHeader appends the header blocks of a file: USTAR where that can hold it, else with
// PAX records before it.
func appendTarHeader(dst []byte, e Entry, size int64) ([]byte, error) {
	prefix, name, ok := splitTarName(e.Name)
	seconds := e.ModTime.Unix()
	if !ok || size > tarMaxNumber || seconds < 0 || seconds > tarMaxNumber {
		return appendPAX(dst, e, size)
	}
	b := tarTemplate
	copy(b[tarName:], name)
	copy(b[tarPrefix:], prefix)
	putOctal(b[tarSize:tarSize+tarSizeSize-1], size)
	putOctal(b[tarTime:tarTime+tarTimeSize-1], seconds)
	sum := int64(tarSumSize * ' ') // it counts as if it were spaces
	for _, c := range b {
		sum += int64(c)
	}
	putOctal(b[tarSum:tarSum+tarSumSize-2], sum)
	b[tarSum+tarSumSize-1] = ' '
	return append(dst, b[:]...), nil
}

// splitTarName splits a name into the prefix of a header and its name, or returns false if
// they cannot hold it.
func splitTarName(name string) (prefix, rest string, ok bool) {
	for i := range len(name) {
		if name[i] >= 0x80 {
			return "", "", false
		}
	}
	if len(name) <= tarNameSize {
		return "", name, true
	}
	slash := strings.LastIndexByte(name[:min(len(name), tarPrefixSize+1)], '/')
	if slash <= 0 || len(name)-slash-1 > tarNameSize {
		return "", "", false
	}
	return name[:slash], name[slash+1:], true
}

// putOctal writes a number with zeros before it.
func putOctal(field []byte, n int64) {
	for i := len(field) - 1; i >= 0; i-- {
		field[i] = byte('0' + n&7)
		n >>= 3
	}
}

// appendPAX is appendTarHeader for what is not in USTAR.
func appendPAX(dst []byte, e Entry, size int64) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	err := tar.NewWriter(b).WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg,
		Name:     e.Name,
		Size:     size,
		Mode:     0o644,
		ModTime:  e.ModTime.UTC().Truncate(time.Second),
	})
	if err != nil {
		return nil, fmt.Errorf("archive: header of %s: %w", e.Name, err)
	}
	return b.Bytes(), nil
}
