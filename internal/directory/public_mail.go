package directory

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed public_mail.txt
var publicMailText string

// publicMailDomains are the names in public_mail.txt.
var publicMailDomains = sync.OnceValue(func() map[string]bool {
	names := make(map[string]bool)
	for line := range strings.Lines(publicMailText) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for name := range strings.FieldsSeq(line) {
			names[name] = true
		}
	}
	return names
})

// publicMail reports whether anybody can get an address at a domain, given as an
// A-label.
func publicMail(name string) bool { return publicMailDomains()[name] }
