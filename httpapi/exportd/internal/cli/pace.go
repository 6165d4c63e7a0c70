package cli

import (
	"fmt"
	"time"
)

// soon is how long something has to run until it can be told how fast it is.
const soon = time.Second

// span is a duration for people, in its two greatest units.
func span(d time.Duration) string {
	d = max(d, 0).Truncate(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// pace tells how long something has taken and, once that can be said, how many bytes a second it
// reads.
func pace(took time.Duration, bytes int64) string {
	if took < soon || bytes <= 0 {
		return span(took)
	}
	return span(took) + "  " + size(int64(float64(bytes)/took.Seconds())) + "/s"
}

// left tells how long the rest of something will take if it goes on as it did, behind two spaces, or
// nothing if that cannot be said yet.
func left(took time.Duration, done, total int64) string {
	if took < soon || done <= 0 || done >= total {
		return ""
	}
	return "  " + span(time.Duration(float64(took)*(float64(total)/float64(done)-1))) + " left"
}
