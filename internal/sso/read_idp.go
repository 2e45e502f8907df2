package sso

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/saml"
	"sallyport/saml/metadata"
)

// A Proposal is an Identity Provider as it was read, and not saved yet.
type Proposal struct {
	EntityID     string
	DisplayName  string // what it calls itself; may be empty
	SSO, SLO     []saml.Endpoint
	Certificates []*x509.Certificate
	// WantsSignedRequests is what its metadata asks for.
	WantsSignedRequests bool
	ValidUntil          time.Time // zero: not said
	// NameOnly is set for one of several at a metadata URL, of which nothing else
	// was kept: see [Service.ReadIdP].
	NameOnly bool
	// Fault says why it can't be used; nil: it can.
	Fault *metadata.Error

	pin string // that the document was held against
}

// propose turns an entity of metadata into a Proposal.
func propose(e *metadata.Entity) Proposal {
	p := Proposal{EntityID: e.ID, DisplayName: e.DisplayName, WantsSignedRequests: e.WantAuthnRequestsSigned, ValidUntil: e.ValidUntil}
	if e.Fault != nil {
		p.Fault = e.Fault
		return p
	}
	p.SSO, p.SLO, p.Certificates = e.IdP.SSO, e.IdP.SLO, e.IdP.Certificates
	return p
}

// adopt makes a profile's Identity Provider the one that was read.
func (in *Proposal) adopt(p *Profile, l *ledger, now time.Time) error {
	if in.pin != p.Options.MetadataPin {
		return fault.New(fault.Conflict, "The pinned certificate was changed at the same time.")
	}
	if !p.adopt(l, &fetched{entity: in.entity(), at: now}) {
		return errNoneLeft()
	}
	p.MetadataURL = ""
	return nil
}

// entity is what was read, as metadata says it.
func (in *Proposal) entity() metadata.Entity {
	return metadata.Entity{ID: in.EntityID, DisplayName: in.DisplayName, WantAuthnRequestsSigned: in.WantsSignedRequests, ValidUntil: in.ValidUntil,
		IdP: &saml.IdentityProvider{EntityID: in.EntityID, SSO: in.SSO, SLO: in.SLO, Certificates: in.Certificates}}
}

// With is the profile as it would be with what was read.
func (p *Profile) With(in Proposal, now time.Time) Profile {
	next := *p
	next.EntityID, next.SSO, next.SLO = in.EntityID, in.SSO, in.SLO
	next.setCertificates(in.Certificates, now)
	return next
}

// A Source says how an Identity Provider's data came.
type Source string

const (
	Uploaded Source = "upload"
	Pasted   Source = "paste"
	FromURL  Source = "url"
	ByHand   Source = "hand"
)

// A Reading is what came of reading an Identity Provider's data for a profile. It
// is kept for an hour, so that what is saved is what was shown.
type Reading struct {
	ID        string
	ProfileID string
	Source    Source
	URL       string // of FromURL
	pin       string // that the document was held against
	linkID    string // of the setup link with which it was asked for; empty: by an administrator
	// Found are the Identity Providers: one, or several to choose from.
	Found     []Proposal
	CreatedAt time.Time
}

// MaxMetadata is the greatest length of a document that is not fetched by URL,
// in octets.
const MaxMetadata = metadata.MaxSize

// readingFor is how long a reading is kept.
const readingFor = time.Hour

// keepReadings is how many of a profile are kept: several people may be at it.
const keepReadings = 5

// ReadIdP reads the Identity Provider's data of an input, either its metadata or
// all of its fields, and keeps it for [Service.Accept]. The profile stays as it
// is. What [Service.Update] would refuse is refused here, save that a document may
// hold several Identity Providers.
//
// At a metadata URL there may be very many: of several their names are kept, and
// the one that is chosen is read again, with its entity ID in the input.
func (s *Service) ReadIdP(ctx context.Context, actor access.Actor, profileID string, source Source, in Input) (r Reading, err error) {
	of := func(tx *db.Tx) (Profile, error) { return s.changeable(tx, actor, profileID) }
	at, err := s.readURL(ctx, &in, of)
	if err != nil {
		return r, err
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, err := of(tx)
		if err != nil {
			return err
		}
		r, err = s.keepReading(tx, &p, "", source, &in, at)
		return err
	})
	return r, err
}

// keepReading keeps what an input says of Identity Providers, or what its
// metadata URL has shown.
func (s *Service) keepReading(tx *db.Tx, p *Profile, linkID string, source Source, in *Input, at urlReading) (r Reading, err error) {
	r = Reading{ID: s.ids.New(id.SSOReading), ProfileID: p.ID, Source: source, pin: p.Options.MetadataPin, linkID: linkID, CreatedAt: tx.Now()}
	if in.MetadataURL != nil {
		r.URL, r.Found, r.pin = at.url, at.found, at.pin
	} else if r.Found, err = in.proposals(p, tx.Now()); err != nil {
		return r, err
	}
	// Before it comes: of the same millisecond it might not be the newest.
	if err := deleteReadings(tx, p.ID, linkID, keepReadings-1); err != nil {
		return r, err
	}
	return r, insertReading(tx, &r)
}

// changeable returns a profile that the actor may change, in an edition that has
// SSO.
func (s *Service) changeable(tx *db.Tx, actor access.Actor, profileID string) (Profile, error) {
	p, err := s.profile(tx, actor, access.ActProfileWrite, profileID)
	if err != nil {
		return p, err
	}
	return p, s.requireSSO(tx, p.OrganizationID)
}

// A urlReading is what a metadata URL has shown.
type urlReading struct {
	url, pin string
	found    []Proposal
}

// readURL fetches an input's metadata URL, if it has one, for a profile.
func (s *Service) readURL(ctx context.Context, in *Input, of func(*db.Tx) (Profile, error)) (r urlReading, err error) {
	if in.MetadataURL == nil {
		return r, nil
	}
	var p Profile
	err = s.db.View(ctx, func(tx *db.Tx) error {
		p, err = of(tx)
		return err
	})
	if err != nil {
		return r, err
	}
	r.url, r.pin = strings.TrimSpace(*in.MetadataURL), p.Options.MetadataPin
	if err := CheckMetadataURL(r.url); err != nil {
		return r, fault.Invalid(fault.Field{Name: "metadata_url", Message: err.Error()})
	}
	f, err := s.fetch(ctx, r.url, &p.Options, in.which())
	var several *metadata.Several
	if errors.As(err, &several) {
		for _, one := range several.Found {
			r.found = append(r.found, Proposal{EntityID: one.ID, DisplayName: one.DisplayName, NameOnly: true})
		}
		return r, nil
	}
	if err != nil {
		return r, refusedFetch(err)
	}
	r.found = []Proposal{propose(&f.entity)}
	return r, nil
}

// proposals are what an input says of Identity Providers.
func (in *Input) proposals(p *Profile, now time.Time) (list []Proposal, err error) {
	if in.MetadataXML != nil {
		found, err := in.entities(p, now)
		for i := range found {
			list = append(list, propose(&found[i]))
		}
		return list, err
	}
	filled := Profile{}
	if err := in.applyFields(&filled, &ledger{}, now); err != nil {
		return nil, err
	}
	one := Proposal{EntityID: filled.EntityID, SSO: filled.SSO, SLO: filled.SLO}
	for _, c := range filled.Certificates {
		one.Certificates = append(one.Certificates, c.Certificate)
	}
	return []Proposal{one}, nil
}

// Reading returns what was read for a profile; fault.NotFound once it is over.
func (s *Service) Reading(ctx context.Context, actor access.Actor, profileID, readingID string) (r Reading, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		if _, err := s.profile(tx, actor, access.ActProfileWrite, profileID); err != nil {
			return err
		}
		r, err = readingByID(tx, profileID, "", readingID, tx.Now().Add(-readingFor))
		return err
	})
	return r, err
}

// Accept saves what was read; of several Identity Providers the one that is
// named. It is a change like any other: see [Service.Update].
func (s *Service) Accept(ctx context.Context, actor access.Actor, profileID, readingID, entityID string) (View, error) {
	r, err := s.Reading(ctx, actor, profileID, readingID)
	if err != nil {
		return View{}, err
	}
	in, err := r.input(entityID)
	if err != nil {
		return View{}, err
	}
	return s.Update(ctx, actor, profileID, in)
}

// input is what was read of an Identity Provider, to be saved.
func (r *Reading) input(entityID string) (in Input, err error) {
	chosen, err := r.Choose(entityID)
	switch {
	case err != nil:
		return in, err
	case chosen.NameOnly:
		return in, fault.Invalid(fault.Field{Name: "entity_id", Message: "names one of which nothing else was read"})
	case r.Source == ByHand:
		return chosen.fields(), nil
	case r.Source == FromURL:
		return Input{MetadataURL: &r.URL,
			fetched: &fetched{entity: chosen.entity(), pin: r.pin, pinned: strings.TrimSpace(r.pin) != "", at: r.CreatedAt}}, nil
	}
	chosen.pin = r.pin
	return Input{proposal: &chosen}, nil
}

// fields is what was read, as somebody enters it by hand.
func (in *Proposal) fields() Input {
	location := func(list []saml.Endpoint) *string {
		first := ""
		if len(list) > 0 {
			first = list[0].Location
		}
		return &first
	}
	fields := Input{EntityID: &in.EntityID, SSOURL: location(in.SSO), SLOURL: location(in.SLO)}
	for _, c := range in.Certificates {
		fields.Certificates = append(fields.Certificates, base64.StdEncoding.EncodeToString(c.Raw))
	}
	return fields
}

// Choose returns the Identity Provider with an entity ID; with an empty one the
// only one.
func (r *Reading) Choose(entityID string) (Proposal, error) {
	i := slices.IndexFunc(r.Found, func(p Proposal) bool { return p.EntityID == entityID })
	if entityID == "" && len(r.Found) == 1 {
		i = 0
	}
	if i < 0 {
		return Proposal{}, fault.Invalid(fault.Field{Name: "entity_id", Message: "names none of the Identity Providers of the document"})
	}
	if why := r.Found[i].Fault; why != nil {
		return Proposal{}, metadataFault(why)
	}
	return r.Found[i], nil
}

// A readingRow is a Proposal as it is kept.
type readingRow struct {
	EntityID            string          `json:"entity_id"`
	DisplayName         string          `json:"display_name,omitempty"`
	SSO                 []saml.Endpoint `json:"sso,omitempty"`
	SLO                 []saml.Endpoint `json:"slo,omitempty"`
	Certificates        [][]byte        `json:"certificates,omitempty"` // DER
	WantsSignedRequests bool            `json:"wants_signed_requests,omitempty"`
	ValidUntil          *time.Time      `json:"valid_until,omitempty"`
	NameOnly            bool            `json:"name_only,omitempty"`
	Fault               *readingFault   `json:"fault,omitempty"`
}

type readingFault struct {
	Line    int           `json:"line,omitempty"`
	Code    metadata.Code `json:"code"`
	Details []string      `json:"details,omitempty"`
}

// Wrong says why it can't be used, as a form does.
func (in *Proposal) Wrong() fault.Field {
	return metadataField("metadata_xml", in.Fault.Error(), in.Fault)
}

func (r *Reading) document() (string, error) {
	var rows []readingRow
	for _, p := range r.Found {
		row := readingRow{EntityID: p.EntityID, DisplayName: p.DisplayName, SSO: p.SSO, SLO: p.SLO, WantsSignedRequests: p.WantsSignedRequests,
			NameOnly: p.NameOnly}
		if f := p.Fault; f != nil {
			row.Fault = &readingFault{f.Line, f.Code, f.Details}
		}
		if !p.ValidUntil.IsZero() {
			row.ValidUntil = &p.ValidUntil
		}
		for _, c := range p.Certificates {
			row.Certificates = append(row.Certificates, c.Raw)
		}
		rows = append(rows, row)
	}
	text, err := json.Marshal(rows)
	return string(text), err
}

func (r *Reading) parse(document string) error {
	var rows []readingRow
	if err := json.Unmarshal([]byte(document), &rows); err != nil {
		return err
	}
	for _, row := range rows {
		p := Proposal{EntityID: row.EntityID, DisplayName: row.DisplayName, SSO: row.SSO, SLO: row.SLO, WantsSignedRequests: row.WantsSignedRequests,
			NameOnly: row.NameOnly}
		if f := row.Fault; f != nil {
			p.Fault = metadata.Wrong(f.Code, f.Line, f.Details...)
		}
		if row.ValidUntil != nil {
			p.ValidUntil = *row.ValidUntil
		}
		for _, der := range row.Certificates {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return err
			}
			p.Certificates = append(p.Certificates, c)
		}
		r.Found = append(r.Found, p)
	}
	return nil
}
