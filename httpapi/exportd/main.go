// Command exportd exports everything an organization owns into one archive.
// Run exportd help for what it does and how it is configured.
package main

import (
	"context"
	"os"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), os.Args[1:]))
}
