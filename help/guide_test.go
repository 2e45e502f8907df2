package help

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var values = Values{
	EntityID: "https://sp.test/saml/x/metadata", ACSURL: "https://sp.test/saml/x/acs",
	MetadataURL: "https://sp.test/saml/x/metadata?format=file", SLOURL: "https://sp.test/saml/x/slo",
}

// text is all that a section says, in the words of its reader.
func (s Section) text() string {
	var b strings.Builder
	for _, p := range s.Parts {
		lines := append(append([]Line{p.Text}, p.Items...), p.Steps...)
		for _, l := range lines {
			b.WriteString(l.String() + "\n")
		}
		for _, r := range p.Rows {
			b.WriteString(r.Field + "\n" + r.Value + "\n" + r.Note.String() + "\n")
		}
		for _, e := range p.Errors {
			b.WriteString(e.Code + "\n" + e.Text.String() + "\n")
		}
		b.WriteString(p.Code + "\n")
	}
	return b.String()
}

// TestEveryGuideParses reads the files one by one, so that a bad one is named,
// and finds files that nothing shows.
func TestEveryGuideParses(t *testing.T) {
	for _, slug := range order {
		raw, err := fs.ReadFile(guideFiles, "guides/"+slug+".txt")
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := parseGuide(slug, string(raw)); err != nil {
			t.Error(err)
		}
	}
	if found, err := fs.Glob(guideFiles, "guides/*"); err != nil || len(found) != len(order) {
		t.Errorf("%d files for %d guides, %v", len(found), len(order), err)
	}
}

func TestGuidesStandInOrder(t *testing.T) {
	for i, g := range Guides() {
		found, ok := GuideFor(g.Slug)
		if g.Slug != order[i] || !ok || found.Name != g.Name {
			t.Errorf("%d is %s, found %v as %s", i, g.Slug, ok, found.Name)
		}
	}
	if _, ok := GuideFor("none"); ok {
		t.Error("a guide out of nothing")
	}
}

// TestEveryGuideHasTheWholeSkeleton: each section says something, in the order of
// all; each value that is taken stands in a field, filled in.
func TestEveryGuideHasTheWholeSkeleton(t *testing.T) {
	for _, g := range Guides() {
		var keys []SectionKey
		for _, s := range g.Blocks(values) {
			keys = append(keys, s.Key)
			if len(s.text()) < 40 {
				t.Errorf("%s says almost nothing in %s: %q", g.Slug, s.Key, s.text())
			}
			if s.Key == "values" {
				for name, value := range map[string]string{EntityID: values.EntityID, ACSURL: values.ACSURL, MetadataURL: values.MetadataURL, SLOURL: values.SLOURL} {
					if strings.Contains(s.text(), "\n"+value+"\n") == slices.Contains(g.notTaken, name) {
						t.Errorf("%s: is {%s} taken or not?", g.Slug, name)
					}
				}
			}
		}
		if !slices.Equal(keys, SectionKeys()) {
			t.Errorf("%s has the sections %v", g.Slug, keys)
		}
		for _, name := range []string{EntityID, ACSURL} {
			if slices.Contains(g.notTaken, name) {
				t.Errorf("%s has no field for {%s}", g.Slug, name)
			}
		}
	}
}

// TestTheThreeUsualErrorsHaveTheirPages also holds that they differ.
func TestTheThreeUsualErrorsHaveTheirPages(t *testing.T) {
	for _, g := range Guides() {
		seen := map[string]bool{}
		for _, s := range g.sections {
			for _, p := range s.Parts {
				for _, e := range p.Errors {
					if _, ok := Error(e.Code); !ok || seen[e.Code] || e.Text.String() == "" {
						t.Errorf("%s: %s has a page: %v, stands there already: %v", g.Slug, e.Code, ok, seen[e.Code])
					}
					seen[e.Code] = true
				}
			}
		}
	}
}

// TestTheHeaderNamesWhatTheGuideShows: advice sends people to these fields, so
// the guide has to show where they are.
func TestTheHeaderNamesWhatTheGuideShows(t *testing.T) {
	for _, g := range Guides() {
		shown := map[string]bool{}
		note := func(l Line) {
			for _, s := range l {
				if s.Kind == Field || s.Kind == Code {
					shown[s.Text] = true
				}
			}
		}
		for _, s := range g.sections {
			for _, p := range s.Parts {
				for _, l := range append(append([]Line{p.Text}, p.Items...), p.Steps...) {
					note(l)
				}
				for _, r := range p.Rows {
					shown[r.Field] = true
					note(r.Note)
				}
				for _, e := range p.Errors {
					note(e.Text)
				}
			}
		}
		for purpose, names := range g.fields {
			for _, name := range names {
				if !shown[name] {
					t.Errorf("%s: %q (%s) stands in the header and nowhere in the guide", g.Slug, name, purpose)
				}
			}
		}
	}
}

// TestNoValueIsLeftUnfilled: nothing in braces that is ours stays.
func TestNoValueIsLeftUnfilled(t *testing.T) {
	for _, g := range Guides() {
		for _, s := range g.Blocks(values) {
			for _, name := range ValueNames() {
				if strings.Contains(s.text(), "{"+name+"}") {
					t.Errorf("%s: {%s} stands in %s", g.Slug, name, s.Key)
				}
			}
		}
	}
}

// TestBlocksLeavesTheGuideAlone: two readers with values of their own.
func TestBlocksLeavesTheGuideAlone(t *testing.T) {
	g, _ := GuideFor("shibboleth")
	mine := g.Blocks(values)
	g.Blocks(Placeholders("https://other.test"))
	for i, s := range g.Blocks(values) {
		if s.text() != mine[i].text() || strings.Contains(s.text(), "other.test") {
			t.Errorf("%s has changed", s.Key)
		}
	}
}

// TestNoTwoGuidesSayTheSame: what is said of every Identity Provider alike belongs
// on a page of concepts.
func TestNoTwoGuidesSayTheSame(t *testing.T) {
	seen := map[string]string{}
	for _, g := range Guides() {
		mine := map[string]bool{}
		for _, s := range g.sections {
			if text := strings.Join(strings.Fields(s.text()), " "); !mine[text] {
				if other, twice := seen[text]; twice {
					t.Errorf("%s and %s have the same %s", other, g.Slug, s.Key)
				}
				seen[text], mine[text] = g.Slug, true
			}
		}
	}
}

const smallGuide = `Name: X
nameid: Who

Before you begin:
A.

Our values:
| Audience | {entity_id}
| (where answers go) | {acs_url} | A "note".
| Metadata | {metadata_url}
| Logout | {slo_url}
| RelayState | leave empty

NameID:
Set "Who".

Users:
B.

Metadata:
C.

Test:
D.

Usual errors:
! a: one
! b: two
! c: three

Certificate:
1. E
1. F
`

func TestParseGuide(t *testing.T) {
	g, err := parseGuide("x", smallGuide)
	if err != nil {
		t.Fatal(err)
	}
	rows := g.Blocks(values)[1].Parts[0].Rows
	if len(rows) != 5 || rows[0].Value != values.EntityID || !rows[1].Described || rows[1].Field != "where answers go" ||
		rows[1].Ours != ACSURL || rows[1].Note[1].Kind != Field || rows[4].Ours != "" || rows[4].Value != "leave empty" {
		t.Errorf("%+v", rows)
	}
	if g.Field(EntityID) != "Audience" || g.Field(ACSURL) != "" || g.Field(NameIDField) != "Who" || !slices.Equal(g.Fields(), []string{"Audience", "Logout", "Metadata", "Who"}) {
		t.Errorf("%q", g.Fields())
	}
}

func TestParseGuideRefuses(t *testing.T) {
	change := func(old, new string) string { return strings.Replace(smallGuide, old, new, 1) }
	for what, text := range map[string]string{
		"nothing":                        "",
		"no name":                        change("Name: X\n", ""),
		"a name twice":                   change("Name: X\n", "Name: X\nName: Y\n"),
		"an unknown word in the header":  change("nameid: Who", "namid: Who"),
		"no section":                     change("Users:\nB.\n", ""),
		"an empty section":               change("B.\n", ""),
		"sections in another order":      change("Users:\nB.\n\nMetadata:\nC.", "Metadata:\nC.\n\nUsers:\nB."),
		"no entity ID":                   change("{entity_id}", "x"),
		"a value that is told both ways": change("Name: X", "Name: X\nNot taken: acs_url"),
		"an unknown value not taken":     change("Name: X", "Name: X\nNot taken: acs"),
		"an unknown value":               change("{slo_url}", "{logout_url}"),
		"a value within other text":      change("{slo_url}", "see {slo_url}"),
		"a row of one cell":              change("| Logout | {slo_url}", "| Logout"),
		"a row of four cells":            change("leave empty", "leave empty | a | b"),
		"two usual errors":               change("! c: three\n", ""),
		"an error without a code":        change("! c: three", "! three"),
		"an error in another section":    change("D.", "! d: four"),
		"a table in another section":     change("D.", "| A | b"),
		"an open quote":                  change("Set \"Who\".", "Set \"Who."),
		"a link to elsewhere":            change("D.", "[D](https://example.com/)"),
		"an open link":                   change("D.", "[D"),
		"too long":                       smallGuide + strings.Repeat("G. ", maxText/3),
	} {
		if g, err := parseGuide("x", text); err == nil {
			t.Errorf("%s: %+v", what, g)
		}
	}
}

func TestParts(t *testing.T) {
	got, err := parts("One\nline.\n\n- a\n  goes on\n- b\n\nThen\n- c\n\n1. d\n1. e `f`\n\n    code  \n\n      more\n\nEnd [g](/help/guides).")
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 7 || got[0].Text.String() != "One line." || len(got[1].Items) != 2 || got[1].Items[0].String() != "a goes on" ||
		got[2].Text.String() != "Then" || len(got[3].Items) != 1 || len(got[4].Steps) != 2 || got[4].Steps[1][1] != (Span{Kind: Code, Text: "f"}) ||
		got[5].Code != "code\n\n  more" || got[6].Text[1] != (Span{Kind: Link, Text: "g", URL: "/help/guides"}) {
		t.Errorf("%+v", got)
	}
}

// vendorErrors are what an Identity Provider itself calls its errors.
var vendorErrors = regexp.MustCompile(`\b(AADSTS\d+|MSIS\d+)\b`)

// TestVendorErrorsAreThoseOfTheVendor keeps a number from being copied into the
// guide of somebody else.
func TestVendorErrorsAreThoseOfTheVendor(t *testing.T) {
	for _, g := range Guides() {
		for _, s := range g.sections {
			for _, code := range vendorErrors.FindAllString(s.text(), -1) {
				if want := map[string]string{"AADSTS": "entra", "MSIS": "adfs"}[strings.TrimRight(code, "0123456789")]; g.Slug != want {
					t.Errorf("%s names %s", g.Slug, code)
				}
			}
		}
	}
}

func TestPlaceholdersDiffer(t *testing.T) {
	p := Placeholders("https://login.test")
	if seen := map[string]bool{p.EntityID: true, p.ACSURL: true, p.SLOURL: true}; len(seen) != 3 || p.MetadataURL != p.EntityID {
		t.Errorf("%+v", p)
	}
}
