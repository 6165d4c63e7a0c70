package sign

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	wordAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	keyAlphabet  = wordAlphabet + "." // of the elements of an object's key
)

// object is the key of an archive in a Destination, and what it says:
// ORGANIZATION/JOB/ATTEMPT.EXT.
type object struct {
	key               string
	organization, job string
	attempt           int
	extension         string // such as "tar.gz"
}

func parseObject(key string) (object, error) {
	elements := strings.Split(key, "/")
	if len(elements) != 3 {
		return object{}, errors.New("want ORGANIZATION/JOB/ATTEMPT.EXT")
	}
	for _, e := range elements {
		if e == "" || e == "." || e == ".." || strings.Trim(e, keyAlphabet) != "" {
			return object{}, errors.New("an element is not made of letters, digits, dots, hyphens and underscores")
		}
	}
	number, extension, _ := strings.Cut(elements[2], ".")
	attempt, err := strconv.Atoi(number)
	if err != nil || attempt < 1 || strconv.Itoa(attempt) != number || extension == "" {
		return object{}, errors.New("the last element is not ATTEMPT.EXT")
	}
	return object{key, elements[0], elements[1], attempt, extension}, nil
}

// checkFilename refuses a name that is not safe as the last element of a path, as
// the name of a file and in a header field.
func checkFilename(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return errors.New("is no name")
	case len(name) > 255:
		return errors.New("has over 255 bytes")
	case !utf8.ValidString(name):
		return errors.New("is not UTF-8")
	case strings.ContainsAny(name, `/\`):
		return errors.New("has a slash or backslash")
	case strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("has a control character")
	}
	return nil
}
