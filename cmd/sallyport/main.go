// Command sallyport is the single sign-on front door of a Console: the server
// and its command line.
package main

import (
	"os"

	"sallyport/internal/cli"
)

func main() { os.Exit(cli.Main()) }
