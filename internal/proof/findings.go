package proof

import (
	"slices"
	"time"

	"sallyport/internal/outbound"
)

// A Method is how a domain was proved.
type Method string

// The methods.
const (
	DNS      Method = "dns"
	File     Method = "file"
	Operator Method = "operator" // on the operator's word: nothing was looked for
)

// An Outcome is what came of one question.
type Outcome string

// The outcomes. The zero Outcome is that of a question that was not asked.
const (
	Found  Outcome = "found"
	Other  Outcome = "other" // something is there, but not the proof
	None   Outcome = "none"  // nothing is there
	Failed Outcome = "failed"
)

// A Sighting is what one resolver showed.
type Sighting struct {
	Resolver string  `json:"resolver"`
	TXT      Outcome `json:"txt"`
	// Values are proofs of other claims at the name of the record, Others is
	// how many texts are there that are none at all.
	Values []string `json:"values,omitempty"`
	Others int      `json:"others,omitempty"`
	MX     Outcome  `json:"mx,omitempty"`
	File   Outcome  `json:"file,omitempty"`
	// Reason says why the file could not be read.
	Reason outbound.Reason `json:"reason,omitempty"`
}

// sees reports whether the proof was seen.
func (s *Sighting) sees() bool { return s.TXT == Found || s.File == Found }

// missing reports whether it is certain that the proof is not there. Where it
// was a record, an unreachable web server is no doubt.
func (s *Sighting) missing(last Method) bool {
	noRecord := s.TXT == None || s.TXT == Other
	noFile := s.MX == None || s.File == None || s.File == Other
	return noRecord && (noFile || last == DNS)
}

// Findings are what all resolvers showed at one time.
type Findings struct {
	At        time.Time  `json:"at"` // when the search began
	Sightings []Sighting `json:"sightings"`
}

// A Verdict is what the findings come to.
type Verdict string

// The verdicts.
const (
	Proved  Verdict = "proved"
	Missing Verdict = "missing"
	Unclear Verdict = "unclear"
)

// Verdict decides. Last is how the domain was proved before, empty if it never
// was.
func (f *Findings) Verdict(last Method) Verdict {
	if len(f.Sightings) == 0 {
		return Unclear
	}
	see, miss := 0, 0
	for _, s := range f.Sightings {
		switch {
		case s.sees():
			see++
		case s.missing(last):
			miss++
		}
	}
	switch len(f.Sightings) {
	case see:
		return Proved
	case miss:
		return Missing
	}
	return Unclear
}

// Method is how findings prove the domain that do.
func (f *Findings) Method() Method {
	if slices.ContainsFunc(f.Sightings, func(s Sighting) bool { return s.TXT != Found }) {
		return File
	}
	return DNS
}
