package jobs_test

import "github.com/orgexport/orgexport/export/internal/kittest"

// The short names of what these tests share with those of package export.
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
