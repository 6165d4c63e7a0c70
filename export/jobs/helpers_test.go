package jobs_test

import "github.com/orgexport/orgexport/export/internal/kittest"

// The short names of what these tests share with those of package export. The nodes and
// stores of these tests are in service_test.go and work_test.go.
var (
	section  = kittest.Section
	writes   = kittest.Writes
	fine     = kittest.Fine
	row      = kittest.Row
	count    = kittest.Count
	engine   = kittest.Engine
	request  = kittest.Request
	newNoise = kittest.Noise
	acme     = kittest.Acme()
	errDisk  = kittest.ErrDisk
)

type closedError = kittest.ClosedError
