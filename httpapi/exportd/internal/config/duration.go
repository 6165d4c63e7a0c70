package config

import (
	"errors"
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
// 24 hours, as in 2w, 30d or 1d12h. The error says what it wants.
func ParseDuration(text string) (time.Duration, error) {
	m := daysPattern.FindStringSubmatch(text)
	switch {
	case m == nil || m[1]+m[2] == "":
		m = []string{text, "", "", text}
	case m[3] == "":
		m[3] = "0s"
	case m[3][0] == '-' || m[3][0] == '+':
		return 0, errNoDuration
	}
	weeks, weeksOK := count(m[1], week)
	days, daysOK := count(m[2], day)
	rest, err := time.ParseDuration(m[3])
	if err != nil || !weeksOK || !daysOK || days > math.MaxInt64-weeks || rest > math.MaxInt64-weeks-days {
		return 0, errNoDuration
	}
	return weeks + days + rest, nil
}

var errNoDuration = errors.New("want " + durationForm)

// count returns a number of units; no number is none. It reports false if they are too many.
func count(number string, unit time.Duration) (time.Duration, bool) {
	if number == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(number, 10, 64)
	return time.Duration(n) * unit, err == nil && n <= math.MaxInt64/int64(unit)
}
