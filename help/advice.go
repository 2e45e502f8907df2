package help

import (
	"slices"
	"strings"
)

// A Side is where something has to change.
type Side string

const (
	TheirSide Side = "idp"       // in the Identity Provider's settings
	OurSide   Side = "sallyport" // here, by an administrator of the organization
	UserSide  Side = "user"      // by who tries to sign in
)

// Advice says what to do about an error code with one kind of Identity Provider.
type Advice struct {
	Side  Side
	Field string // the name of the field there; empty: none is known, or none is to be changed there
	Fix   string // what to do, in English
}

// Advise returns what to do about an error code of a sign-in where the Identity
// Provider is of one kind. An unknown kind is advised like "other"; for a code
// that is none of a sign-in's the advice is empty.
func Advise(code, idp string) Advice {
	return adviser(idp).advise(rules()[code])
}

// AdviseOn is like [Advise], where more is known than the code: a finding of the
// diagnosis. What is not known of the finding is known of the code.
func AdviseOn(code, finding, idp string) Advice {
	g := adviser(idp)
	if byIdP := rules()[code+"/"+finding]; finding != "" && byIdP != nil {
		return g.advise(byIdP)
	}
	return g.advise(rules()[code])
}

// Findings returns those of the diagnosis that there is advice on for a code.
func Findings(code string) (list []string) {
	for name := range rules() {
		if finding, ok := strings.CutPrefix(name, code+"/"); ok {
			list = append(list, finding)
		}
	}
	slices.Sort(list)
	return list
}

func adviser(idp string) Guide {
	g, ok := GuideFor(idp)
	if !ok {
		g, _ = GuideFor("other")
	}
	return g
}

// Differs reports whether what to do about an error code depends on the Identity
// Provider: it has fields for it, or a fix of its own.
func Differs(code string) bool {
	byIdP := rules()[code]
	return len(byIdP) > 1 || byIdP[everyIdP].purpose != ""
}
