// Package soak has only tests. They start exportd as its users do, under limits of memory
// and descriptors, and let honest and hostile clients loose on it while processes and
// databases are restarted and disks fill up.
//
//	go test ./httpapi/exportd/internal/soak                  # some seconds of load
//	go test ./httpapi/exportd/internal/soak -v -soak.for 5m  # more of it
//	go test ./httpapi/exportd/internal/soak -v -long -timeout 2h  # half an hour, for leaks, too
//
// Each test prints the seed of its randomness; -soak.seed repeats it.
package soak
