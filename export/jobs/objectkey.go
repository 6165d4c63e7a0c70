package jobs

import (
	"strconv"
	"strings"

	"github.com/orgexport/orgexport/export"
)

// objectPrefix begins the keys of all archives of a job.
func objectPrefix(j Job) string { return j.Organization.ID + "/" + j.ID + "/" }

// objectKey is the key of the archive that the current attempt at a job makes.
func objectKey(j Job, extension string) string {
	return objectPrefix(j) + strconv.Itoa(j.Attempt) + "." + extension
}

// parseObjectKey returns the prefix of a key that objectKey has made.
func parseObjectKey(key string) (prefix string, ok bool) {
	fields := strings.Split(key, "/")
	if len(fields) != 3 {
		return "", false
	}
	number, extension, _ := strings.Cut(fields[2], ".")
	attempt, err := strconv.Atoi(number)
	j := Job{ID: fields[1], Organization: export.Organization{ID: fields[0]}, Attempt: attempt}
	return objectPrefix(j), err == nil && extension != "" && key == objectKey(j, extension)
}

// ownerOf returns whose archives begin with a prefix that parseObjectKey has returned.
func ownerOf(prefix string) (organizationID, jobID string) {
	organizationID, jobID, _ = strings.Cut(strings.TrimSuffix(prefix, "/"), "/")
	return organizationID, jobID
}
