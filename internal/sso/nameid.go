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

// nameID puts a NameID together again.
func nameID(value, text string) saml.NameID {
	var d details
	if text != "" {
		_ = json.Unmarshal([]byte(text), &d) // we wrote it; without it the value says enough
	}
	return saml.NameID{Value: value, Format: d.Format, NameQualifier: d.NameQualifier, SPNameQualifier: d.SPNameQualifier}
}
