//go:build !unix

package sections

// atOnce is nothing on systems whose folders have no named pipes and devices.
const atOnce = 0
