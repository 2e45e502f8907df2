package help

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed advice.txt
var adviceFile string

//go:embed findings.txt
var findingsFile string

// A rule is what to do about an error code: in general, or with one kind of
// Identity Provider.
type rule struct {
	side    Side
	purpose string // of the field; empty: none is to be changed
	fix     string // {field} stands for the field's name
}

// everyIdP is whom a general rule is for.
const everyIdP = "*"

// rules parses the catalogue, once: by code, or code/finding, then by Identity
// Provider.
var rules = sync.OnceValue(func() map[string]map[string]rule {
	all, err := parseAdvice(adviceFile + "\n" + findingsFile)
	if err != nil {
		panic(err)
	}
	return all
})

// parseAdvice reads the catalogue: a line with an error code, or with one and a
// finding of the diagnosis behind a slash, then lines "who side purpose: what to
// do", the first for everyone. docs/guides.md describes it.
func parseAdvice(text string) (map[string]map[string]rule, error) {
	all := make(map[string]map[string]rule)
	code, who := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \r\n")
		switch more, goesOn := strings.CutPrefix(line, "  "); {
		case line == "" || strings.HasPrefix(line, "#"):
		case goesOn && who != "":
			r := all[code][who]
			r.fix += " " + strings.TrimSpace(more)
			all[code][who] = r
		case !strings.Contains(line, " "):
			if all[line] != nil {
				return nil, fmt.Errorf("help: advice.txt has %s twice", line)
			}
			code, who, all[line] = line, "", make(map[string]rule)
		default:
			name, r, err := readRule(line)
			if err != nil {
				return nil, err
			}
			if _, twice := all[code][name]; code == "" || twice || (len(all[code]) == 0) != (name == everyIdP) {
				return nil, fmt.Errorf("help: advice.txt: the line %q is not where it belongs", line)
			}
			who, all[code][name] = name, r
		}
	}
	return all, nil
}

func readRule(line string) (who string, r rule, err error) {
	head, fix, ok := strings.Cut(line, ": ")
	words := strings.Fields(head)
	if !ok || len(words) != 3 {
		return "", r, fmt.Errorf("help: advice.txt has the line %q", line)
	}
	r = rule{side: Side(words[1]), purpose: words[2], fix: fix}
	if r.purpose == "-" {
		r.purpose = ""
	}
	known := r.purpose == "" || slices.Contains(purposes, r.purpose) || slices.Contains(ValueNames(), r.purpose)
	if !known || (r.side != TheirSide && r.side != OurSide && r.side != UserSide) || (words[0] != everyIdP && !slices.Contains(order, words[0])) {
		return "", r, fmt.Errorf("help: advice.txt: the line %q has a word that is not known", line)
	}
	return words[0], r, nil
}

// words say what a field is for where its name is not known.
var words = map[string]string{
	EntityID: "the field for the audience (our entity ID)", ACSURL: "the field for the ACS URL", MetadataURL: "the field for our metadata",
	SLOURL: "the field for the logout URL", NameIDField: "the setting for what fills the NameID", NameIDFormatField: "the setting for the NameID's format",
	UsersField: "the list of who may use the application", SigningField: "the setting for what is signed", AlgorithmField: "the signature algorithm",
	EncryptionField: "the setting for encrypted assertions", RelayStateField: "the default RelayState",
	RecipientField: "the recipient", IssuerField: "its own entity ID", CertificateField: "the page with its signing certificates",
	MetadataField: "the page with its metadata",
}

func (g Guide) advise(byIdP map[string]rule) Advice {
	r, ok := byIdP[g.Slug]
	if !ok {
		r = byIdP[everyIdP]
	}
	a := Advice{Side: r.side, Field: g.Field(r.purpose)}
	name := words[r.purpose]
	if a.Field != "" {
		name = `"` + a.Field + `"`
	}
	a.Fix = strings.NewReplacer("{field}", name, "{idp}", g.Name).Replace(g.inSentences(r.fix))
	return a
}

// inSentences writes "the Identity Provider" where the name of a product would
// stand and the guide is for none.
func (g Guide) inSentences(fix string) string {
	if g.Slug != "other" {
		return fix
	}
	fix = startsSentence.ReplaceAllString(fix, "${1}The Identity Provider")
	return strings.ReplaceAll(fix, "{idp}", "the Identity Provider")
}

var startsSentence = regexp.MustCompile(`(^|[.!?]\s+)\{idp\}`)
