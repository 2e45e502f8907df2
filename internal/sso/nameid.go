package sso

import (
	"encoding/json"

	"sallyport/saml"
)

// details are what belongs to a NameID besides its value, in the form of a
// column. A request to end the session names the user by all of it.
type details struct {
	Format          string `json:"format,omitempty"`
	NameQualifier   string `json:"name_qualifier,omitempty"`
	SPNameQualifier string `json:"sp_name_qualifier,omitempty"`
}

// maxDetails bounds what is kept of them, in octets.
const maxDetails = 2048

// nameIDDetails writes them; empty if there are none, or more than anybody
// needs.
func nameIDDetails(n saml.NameID) string {
	d := details{n.Format, n.NameQualifier, n.SPNameQualifier}
	if d == (details{}) {
		return ""
	}
	text, err := json.Marshal(d)
	if err != nil {
		panic(err) // plain values
	}
	if len(text) > maxDetails {
		return ""
	}
	return string(text)
}
