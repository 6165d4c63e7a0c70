// Command typecheck looks for errors that a compiler would report of the packages in the
// current folder and below, for the system that GOOS names. It compiles nothing: a
// compiler would first make code of the standard library and of all dependencies.
package main

import (
	"fmt"
	"os"

	"golang.org/x/tools/go/packages"
)

func main() {
	// With NeedDeps dependencies are read from their source, and not from what a
	// compiler has made of them.
	const mode = packages.NeedName | packages.NeedImports | packages.NeedDeps | packages.NeedSyntax |
		packages.NeedTypes | packages.NeedTypesInfo | packages.NeedFiles | packages.NeedCompiledGoFiles
	found, err := packages.Load(&packages.Config{Mode: mode}, "./...")
	if err != nil {
		fmt.Fprintln(os.Stderr, "typecheck:", err)
		os.Exit(1)
	}
	if packages.PrintErrors(found) > 0 || len(found) == 0 {
		os.Exit(1)
	}
	fmt.Printf("%d packages\n", len(found))
}
