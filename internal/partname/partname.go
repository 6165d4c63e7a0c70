// Package partname has the names that spools and destinations give to parts and
// archives: a part is stored as JOB/SECTION-SHARD-ATTEMPT.part.
package partname

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/orgexport/orgexport/export"
)

// wordAlphabet has the characters of job ids and section keys. Keys also have dots
// and slashes.
const wordAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

const suffix = ".part"

// Of returns the name of a part. Parts have different names: the section may have
// hyphens, but shard and attempt have none, and stand behind the last two.
func Of(id export.PartID) (string, error) {
	if err := CheckWord("job id", id.JobID); err != nil {
		return "", err
	}
	if err := CheckWord("section", id.Section); err != nil {
		return "", err
	}
	if id.Shard < 0 || id.Attempt < 0 {
		return "", fmt.Errorf("shard %d, attempt %d: negative", id.Shard, id.Attempt)
	}
	return fmt.Sprintf("%s/%s-%d-%d%s", id.JobID, id.Section, id.Shard, id.Attempt, suffix), nil
}

// Parse is the opposite of Of: base is what stands behind the job id. It reports false for
// names that Of does not make.
func Parse(jobID, base string) (export.PartID, bool) {
	fields := strings.Split(strings.TrimSuffix(base, suffix), "-")
	if len(fields) < 3 {
		return export.PartID{}, false
	}
	n := len(fields)
	shard, err1 := strconv.Atoi(fields[n-2])
	attempt, err2 := strconv.Atoi(fields[n-1])
	id := export.PartID{JobID: jobID, Section: strings.Join(fields[:n-2], "-"), Shard: shard, Attempt: attempt}
	again, err := Of(id)
	return id, err1 == nil && err2 == nil && err == nil && again == jobID+"/"+base
}

// CheckWord returns an error if a job id or section key cannot be part of a name. what
// names it in the error.
func CheckWord(what, word string) error {
	if word == "" || strings.Trim(word, wordAlphabet) != "" {
		return fmt.Errorf("%s %q is not made of letters, digits, hyphens and underscores", what, word)
	}
	return nil
}

// CheckKey returns an error if key is not one of a destination: see jobs.Destination.
func CheckKey(key string) error {
	if !fs.ValidPath(key) || key == "." || strings.Trim(key, wordAlphabet+"./") != "" {
		return fmt.Errorf("%q is not a key", key)
	}
	return nil
}
