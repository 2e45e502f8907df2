package directory

import "testing"

// TestTheListOfMailServices: each line is what is compared, and could be
// claimed otherwise.
func TestTheListOfMailServices(t *testing.T) {
	names := publicMailDomains()
	if len(names) < 800 {
		t.Errorf("%d names", len(names))
	}
	for name := range names {
		if parsed, err := ParseDomainName(name); err != nil || parsed != name {
			t.Errorf("%q: %q, %v", name, parsed, err)
		}
	}
}
