package cli

import (
	"fmt"
	"time"
)

// soon is how long something has to run until it can be told how fast it is.
const soon = time.Second

// clock is a duration for people: 0:07, 12:45 or 3:00:12.
func clock(d time.Duration) string {
	seconds := int64(d / time.Second)
	if seconds < 3600 {
		return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
}

// pace tells how long something has taken and, once that can be said, how many bytes a second it
// reads.
func pace(took time.Duration, bytes int64) string {
	if took < soon || bytes <= 0 {
		return clock(took)
	}
	return clock(took) + "  " + size(int64(float64(bytes)/took.Seconds())) + "/s"
}

// left tells how long the rest of something will take if it goes on as it did, behind two spaces, or
// nothing if that cannot be said yet.
func left(took time.Duration, done, total int64) string {
	if took < soon || done <= 0 || done >= total {
		return ""
	}
	return "  " + clock(time.Duration(float64(took)*(float64(total)/float64(done)-1))) + " left"
}
