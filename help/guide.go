package help

import (
	"cmp"
	"slices"
	"strings"
)

// Values are what an Identity Provider is told about one SSO profile.
type Values struct{ EntityID, ACSURL, MetadataURL, SLOURL string }

// The names of the four values in the texts, where {entity_id} stands for the
// value.
const (
	EntityID    = "entity_id"
	ACSURL      = "acs_url"
	MetadataURL = "metadata_url"
	SLOURL      = "slo_url"
)

// ValueNames returns the names of our values.
func ValueNames() []string { return []string{EntityID, ACSURL, MetadataURL, SLOURL} }

// Placeholders are values for a reader who has no profile yet: base is the URL
// of the installation, without a slash at its end.
func Placeholders(base string) Values {
	base += "/saml/YOUR-PROFILE"
	return Values{EntityID: base + "/metadata", ACSURL: base + "/acs", MetadataURL: base + "/metadata", SLOURL: base + "/slo"}
}

// fill puts the values in the place of their names.
func (v Values) fill(text string) string {
	return strings.NewReplacer("{"+EntityID+"}", v.EntityID, "{"+ACSURL+"}", v.ACSURL,
		"{"+MetadataURL+"}", v.MetadataURL, "{"+SLOURL+"}", v.SLOURL).Replace(text)
}

// A Guide tells the administrator of one kind of Identity Provider what to enter
// there. All guides have the same sections, in the same order. Their texts are
// in English.
type Guide struct {
	Slug string // what an SSO profile's idp is
	Name string // what its maker calls it

	fields   map[string][]string // names of fields there, by what they are for
	notTaken []string            // names of our values that it has no field for
	sections []Section
}

// A Section is a part of a guide, with a heading.
type Section struct {
	Key   SectionKey
	Parts []Part
}

// A SectionKey names a section, for its heading's text and anchor: one of
// [SectionKeys].
type SectionKey string

// A Row says what goes into a field there.
type Row struct {
	Field string
	// Described tells that Field is no name but says what the field does.
	Described bool
	// Ours is the name of our value; empty: Value is the same for everybody, or
	// says in words what to choose.
	Ours  string
	Value string
	Note  Line
}

// What a field of an Identity Provider is for, besides those that take our
// values.
const (
	NameIDField       = "nameid"        // what fills the NameID
	NameIDFormatField = "nameid_format" // the format it is labelled with
	UsersField        = "users"         // who may use the application
	SigningField      = "signing"       // what is signed
	AlgorithmField    = "algorithm"     // signed how
	EncryptionField   = "encryption"    // of assertions
	RelayStateField   = "relay_state"   // to be left empty
	RecipientField    = "recipient"     // where it is set apart from the ACS URL
	IssuerField       = "issuer"        // its own entity ID, where that is chosen
	CertificateField  = "certificate"   // where its certificates stand
	MetadataField     = "metadata"      // where its metadata is
)

// SectionKeys returns the sections that every guide has, in their order.
func SectionKeys() []SectionKey {
	keys := make([]SectionKey, len(headings))
	for i, h := range headings {
		keys[i] = h.key
	}
	return keys
}

// order is that of the outer contract.
var order = []string{
	"entra", "okta", "onelogin", "google", "pingone", "pingfederate", "jumpcloud", "adfs", "keycloak", "auth0", "duo",
	"cyberark", "rippling", "shibboleth", "simplesamlphp", "authentik", "lastpass", "miniorange", "other",
}

// Guides returns all guides: the outer contract's order of Identity Providers.
func Guides() []Guide { return slices.Clone(guides()) }

// GuideFor returns the guide for an Identity Provider; false if there is none.
func GuideFor(slug string) (Guide, bool) {
	i := slices.IndexFunc(guides(), func(g Guide) bool { return g.Slug == slug })
	if i < 0 {
		return Guide{}, false
	}
	return guides()[i], true
}

// Blocks returns the guide's sections with the values in their places.
func (g Guide) Blocks(v Values) []Section {
	filled := make([]Section, len(g.sections))
	for i, s := range g.sections {
		filled[i] = Section{Key: s.Key, Parts: make([]Part, len(s.Parts))}
		for j, p := range s.Parts {
			filled[i].Parts[j] = v.part(p)
		}
	}
	return filled
}

func (v Values) part(p Part) Part {
	filled := Part{Text: v.line(p.Text), Code: v.fill(p.Code)}
	for _, l := range p.Items {
		filled.Items = append(filled.Items, v.line(l))
	}
	for _, l := range p.Steps {
		filled.Steps = append(filled.Steps, v.line(l))
	}
	for _, r := range p.Rows {
		r.Value, r.Note = v.fill(r.Value), v.line(r.Note)
		filled.Rows = append(filled.Rows, r)
	}
	for _, e := range p.Errors {
		filled.Errors = append(filled.Errors, ErrorNote{e.Code, v.line(e.Text)})
	}
	return filled
}

func (v Values) line(l Line) Line {
	if l == nil {
		return nil
	}
	filled := slices.Clone(l)
	for i := range filled {
		filled[i].Text = v.fill(filled[i].Text)
	}
	return filled
}

// Field returns the name of the field there that is for something: one of the
// constants above or of [ValueNames]. It is empty where the guide knows none.
func (g Guide) Field(purpose string) string {
	if names := g.fields[purpose]; len(names) > 0 {
		return names[0]
	}
	return ""
}

// Fields returns the names of all fields that the guide knows, sorted.
func (g Guide) Fields() []string {
	var all []string
	for _, names := range g.fields {
		all = append(all, names...)
	}
	slices.SortFunc(all, cmp.Compare[string])
	return slices.Compact(all)
}
