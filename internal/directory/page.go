package directory

import (
	"strings"

	"sallyport/internal/access"
)

// A Page selects a part of a list, newest first.
type Page struct {
	After string // where the page before ended; empty for the first one
	Limit int
}

// A UserQuery selects users of an organization, newest first.
type UserQuery struct {
	OrganizationID string
	Text           string // a prefix of the name or the address
	Status         access.UserStatus
	Role           access.Role
	SSO            access.SSOSetting
	Domain         string
	Page
}

// prefixPattern makes a LIKE pattern, with \ as its escape character, of what
// is compared in lower case.
func prefixPattern(text string) string { return escapePattern(strings.ToLower(text)) + "%" }

// escapePattern makes a text stand for itself in a LIKE pattern.
func escapePattern(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
}
