package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// durationForm is what [ParseDuration] tells people to write.
const durationForm = "a duration such as 90s, 15m, 1h30m, 7d or 2w"

var daysPattern = regexp.MustCompile(`^(?:([0-9]+)w)?(?:([0-9]+)d)?(.*)$`)

// ParseDuration reads a duration as Go writes it, which may begin with weeks and days of
// 24 hours, as in 2w, 30d or 1d12h.
func ParseDuration(text string) (time.Duration, error) {
	m := daysPattern.FindStringSubmatch(text)
	if m == nil || m[1]+m[2] == "" {
		return time.ParseDuration(text)
	}
	weeks, err := count(m[1], week)
	if err != nil {
		return 0, err
	}
	days, err := count(m[2], day)
	if err != nil {
		return 0, err
	}
	rest := time.Duration(0)
	if m[3] != "" {
		if rest, err = time.ParseDuration(m[3]); err != nil {
			return 0, err
		}
	}
	if rest < 0 || m[3] != "" && (m[3][0] == '-' || m[3][0] == '+') || days > math.MaxInt64-weeks || rest > math.MaxInt64-weeks-days {
		return 0, fmt.Errorf("%q is no duration", text)
	}
	return weeks + days + rest, nil
}

// count returns a number of units; no number is none.
func count(number string, unit time.Duration) (time.Duration, error) {
	if number == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > math.MaxInt64/int64(unit) {
		return 0, fmt.Errorf("%s is too many", number)
	}
	return time.Duration(n) * unit, nil
}
