package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
)

var (
	sizePattern = regexp.MustCompile(`^([0-9]+) ?(|[kKMGT]B|[KMGT]iB)$`)
	sizeUnits   = map[string]int64{
		"": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}
)

// sizeForm says how a size is written.
const sizeForm = "a size such as 5000000, 64MiB or 10GB"

// ParseSize reads a number of bytes, from 1, as in the configuration.
func ParseSize(text string) (int64, error) {
	if m := sizePattern.FindStringSubmatch(text); m != nil {
		number, err := strconv.ParseInt(m[1], 10, 64)
		if unit := sizeUnits[m[2]]; err == nil && number > 0 && number <= math.MaxInt64/unit {
			return number * unit, nil
		}
	}
	return 0, fmt.Errorf("%q must be %s", text, sizeForm)
}
