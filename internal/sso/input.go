package sso

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/saml"
	"sallyport/saml/metadata"
)

// An Input is what can be set of a profile; nil leaves a field as it is. Of the
// Identity Provider either its metadata is given or its fields.
type Input struct {
	Name    *string
	Notes   *string
	IdP     *string
	Options *OptionsInput

	MetadataXML *string
	// MetadataURL is fetched before anything is saved, and again and again
	// from then on: until the data come from MetadataXML, or EntityID or SSOURL
	// are entered by hand.
	MetadataURL  *string
	EntityID     *string // with metadata: which of several entities
	SSOURL       *string
	SLOURL       *string
	Certificates []string // PEM, or the base64 of DER; nil leaves them

	State     *State // StateDisabled or StateConfigured
	ManagedBy *string

	fetched  *fetched  // from MetadataURL
	proposal *Proposal // what was read before, see [Service.Accept]
}

// OptionsInput is [Options] with nil for what stays as it is.
type OptionsInput struct {
	SignRequests              *bool
	RequireEncryptedAssertion *bool
	RequireSignedResponse     *bool
	ForceAuthn                *bool
	AuthnContext              *string
	IdPInitiated              *saml.Mode
	OfferEncryption           *bool
	NameIDPolicy              *saml.NameIDPolicy
	ClockToleranceSeconds     *int
	AllowSHA1                 *bool
	AllowRSA15                *bool
	AllowCBC                  *bool
	MetadataPin               *string
	RefuseExpiredCertificate  *bool
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// apply changes the profile to what the input says.
func (in *Input) apply(p *Profile, l *ledger, now time.Time) error {
	var wrong []fault.Field
	if in.Name != nil {
		name, why := directory.CleanName(*in.Name, true)
		if why != "" {
			wrong = append(wrong, fault.Field{Name: "name", Message: why})
		}
		p.Name = name
	}
	if in.IdP != nil {
		if !slices.Contains(Products, *in.IdP) {
			wrong = append(wrong, fault.Field{Name: "idp", Message: "is one of " + strings.Join(Products, ", ")})
		}
		p.IdP = *in.IdP
	}
	if in.Notes != nil {
		notes, why := cleanNotes(*in.Notes)
		if why != "" {
			wrong = append(wrong, fault.Field{Name: "notes", Message: why})
		}
		p.Notes = notes
	}
	if in.ManagedBy != nil {
		if *in.ManagedBy != ManagedByOrganization && *in.ManagedBy != ManagedByOperator {
			wrong = append(wrong, fault.Field{Name: "managed_by", Message: "is organization or operator"})
		}
		p.ManagedBy = *in.ManagedBy
	}
	if in.Options != nil {
		wrong = append(wrong, in.Options.apply(&p.Options)...)
	}
	if wrong != nil {
		return fault.Invalid(wrong...)
	}
	switch {
	case in.proposal != nil:
		return in.proposal.adopt(p, l, now)
	case in.MetadataXML != nil:
		return in.applyMetadata(p, l, now)
	case in.MetadataURL != nil:
		return in.applyFetched(p, l)
	}
	return in.applyFields(p, l, now)
}

// applyFetched takes the Identity Provider's data from the document that the
// metadata URL has shown.
func (in *Input) applyFetched(p *Profile, l *ledger) error {
	if in.fetched.pin != p.Options.MetadataPin {
		return fault.New(fault.Conflict, "The pinned certificate was changed at the same time.")
	}
	if !p.adopt(l, in.fetched) {
		return errNoneLeft()
	}
	p.MetadataURL = *in.MetadataURL
	return nil
}

func (in *OptionsInput) apply(o *Options) []fault.Field {
	set(&o.SignRequests, in.SignRequests)
	set(&o.RequireEncryptedAssertion, in.RequireEncryptedAssertion)
	set(&o.RequireSignedResponse, in.RequireSignedResponse)
	set(&o.ForceAuthn, in.ForceAuthn)
	set(&o.AuthnContext, in.AuthnContext)
	set(&o.IdPInitiated, in.IdPInitiated)
	set(&o.OfferEncryption, in.OfferEncryption)
	set(&o.NameIDPolicy, in.NameIDPolicy)
	set(&o.ClockToleranceSeconds, in.ClockToleranceSeconds)
	set(&o.AllowSHA1, in.AllowSHA1)
	set(&o.AllowRSA15, in.AllowRSA15)
	set(&o.AllowCBC, in.AllowCBC)
	set(&o.MetadataPin, in.MetadataPin)
	set(&o.RefuseExpiredCertificate, in.RefuseExpiredCertificate)

	var wrong []fault.Field
	if !slices.Contains([]saml.Mode{saml.Restart, saml.Accept, saml.Refuse}, o.IdPInitiated) {
		wrong = append(wrong, fault.Field{Name: "options.idp_initiated", Message: "is restart, accept or refuse"})
	}
	if !slices.Contains([]saml.NameIDPolicy{saml.NameIDEmail, saml.NameIDUnspecified, saml.NameIDNone}, o.NameIDPolicy) {
		wrong = append(wrong, fault.Field{Name: "options.name_id_policy", Message: "is emailAddress, unspecified or none"})
	}
	if most := int(saml.MaxTolerance / time.Second); o.ClockToleranceSeconds < 0 || o.ClockToleranceSeconds > most {
		wrong = append(wrong, fault.Field{Name: "options.clock_tolerance_seconds", Message: fmt.Sprintf("is between 0 and %d", most)})
	}
	if len(o.AuthnContext) > 500 || strings.ContainsFunc(o.AuthnContext, func(r rune) bool { return r <= ' ' }) {
		wrong = append(wrong, fault.Field{Name: "options.authn_context", Message: "is a URI of at most 500 characters"})
	}
	if _, why := o.pins(); why != "" {
		wrong = append(wrong, fault.Field{Name: "options.metadata_pin", Message: why})
	}
	return wrong
}

// maxPin bounds the text of a pin, in octets.
const maxPin = 64 << 10

// pins are the certificates one of which has to have signed the metadata; nil
// for none.
func (o *Options) pins() (certs []*x509.Certificate, wrong string) {
	switch {
	case strings.TrimSpace(o.MetadataPin) == "":
		return nil, ""
	case len(o.MetadataPin) > maxPin:
		return nil, "is too long"
	}
	return parseCertificates([]string{o.MetadataPin})
}

// applyMetadata takes the Identity Provider's data from its metadata.
func (in *Input) applyMetadata(p *Profile, l *ledger, now time.Time) error {
	found, err := in.entities(p, now)
	if err != nil {
		return err
	}
	if in.EntityID != nil {
		found = slices.DeleteFunc(found, func(e metadata.Entity) bool { return e.ID != *in.EntityID })
	}
	switch {
	case len(found) == 0:
		return metadataFault(metadata.Wrong(metadata.CodeNoSuchEntity, 0))
	case len(found) > 1:
		var ids []string
		for _, e := range found[:min(len(found), 10)] {
			ids = append(ids, e.ID)
		}
		return metadataFault(metadata.Wrong(metadata.CodeSeveral, 0, strconv.Itoa(len(found)), strings.Join(ids, ", ")))
	case found[0].Fault != nil:
		return metadataFault(found[0].Fault)
	}
	if !p.adopt(l, &fetched{entity: found[0], at: now}) {
		return errNoneLeft()
	}
	p.MetadataURL = ""
	return nil
}

// entities reads the metadata. Where there is a pin, one of its certificates has
// to have signed it.
func (in *Input) entities(p *Profile, now time.Time) ([]metadata.Entity, error) {
	pins, why := p.Options.pins()
	if why != "" {
		return nil, fault.Invalid(fault.Field{Name: "options.metadata_pin", Message: why})
	}
	found, err := metadata.Parse([]byte(*in.MetadataXML), pins...)
	if err != nil {
		return nil, metadataFault(err)
	}
	for i := range found {
		if e := &found[i]; pins != nil && !e.ValidUntil.IsZero() && now.After(e.ValidUntil) {
			e.Fault = metadata.Wrong(metadata.CodeExpired, 0, e.ValidUntil.UTC().Format(time.RFC3339))
		}
	}
	return found, nil
}

// metadataFault is the refusal of a document: in English, and so that a page finds
// its own words.
func metadataFault(err error) error {
	f := fault.New(fault.MetadataInvalid, err.Error())
	field := fault.Field{Name: "metadata_xml", Message: err.Error()}
	var wrong *metadata.Error
	if errors.As(err, &wrong) {
		field = metadataField("metadata_xml", err.Error(), wrong)
	}
	f.Fields = []fault.Field{field}
	return f
}

// MetadataReason begins the reasons of fields that name a [metadata.Code].
const MetadataReason = "metadata_wrong."

func metadataField(name, message string, e *metadata.Error) fault.Field {
	return fault.Field{Name: name, Message: message, Reason: MetadataReason + string(e.Code), Line: e.Line, Details: e.Details}
}

// maxNotes bounds the notes of a profile, in characters.
const maxNotes = 2000

// cleanNotes returns notes as they are kept: any number of lines.
func cleanNotes(text string) (notes, wrong string) {
	notes = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	switch {
	case !utf8.ValidString(notes) || strings.ContainsFunc(notes, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return "", "holds characters that can't be shown"
	case utf8.RuneCountInString(notes) > maxNotes:
		return "", fmt.Sprintf("has at most %d characters", maxNotes)
	}
	return notes, ""
}

// setCertificates replaces the certificates; those that were there keep the
// day on which they were added.
func (p *Profile) setCertificates(certs []*x509.Certificate, now time.Time) {
	old := p.Certificates
	p.Certificates = nil
	for _, c := range certs {
		next := newCertificate(c, now)
		if i := slices.IndexFunc(old, func(o Certificate) bool { return o.SHA256 == next.SHA256 }); i >= 0 {
			next.AddedAt = old[i].AddedAt
		}
		p.Certificates = append(p.Certificates, next)
	}
}

// applyFields takes the Identity Provider's data from single fields. A profile
// has all of entity ID, sign-in URL and certificates, or is a draft.
func (in *Input) applyFields(p *Profile, l *ledger, now time.Time) error {
	var wrong []fault.Field
	if in.EntityID != nil || in.SSOURL != nil {
		p.MetadataURL = ""
	}
	if in.EntityID != nil {
		p.EntityID = strings.TrimSpace(*in.EntityID)
		if p.EntityID == "" || len(p.EntityID) > 1024 {
			wrong = append(wrong, fault.Field{Name: "entity_id", Message: "has 1 to 1,024 characters"})
		}
	}
	if in.SSOURL != nil {
		p.SSO = redirectEndpoint("sso_url", *in.SSOURL, &wrong)
	}
	if in.SLOURL != nil {
		p.SLO = nil
		if *in.SLOURL != "" {
			p.SLO = redirectEndpoint("slo_url", *in.SLOURL, &wrong)
		}
	}
	if in.Certificates != nil {
		certs, why := parseCertificates(in.Certificates)
		if why != "" {
			wrong = append(wrong, fault.Field{Name: "certificates", Message: why})
		}
		p.setCertificates(certs, now)
		l.byHand(p)
	}
	if wrong != nil {
		return fault.Invalid(wrong...)
	}
	if in.EntityID == nil && in.SSOURL == nil && in.Certificates == nil {
		return nil // one whose last certificate is distrusted can be changed otherwise
	}
	missing := func(field string, is bool) {
		if is {
			wrong = append(wrong, fault.Field{Name: field, Message: "is needed with the other two of entity_id, sso_url and certificates"})
		}
	}
	missing("entity_id", p.EntityID == "")
	missing("sso_url", len(p.SSO) == 0)
	missing("certificates", len(p.Certificates) == 0)
	if wrong != nil {
		return fault.Invalid(wrong...)
	}
	return nil
}

func redirectEndpoint(field, location string, wrong *[]fault.Field) []saml.Endpoint {
	location = strings.TrimSpace(location)
	if err := metadata.CheckLocation(location); err != nil {
		*wrong = append(*wrong, fault.Field{Name: field, Message: err.Error()})
	}
	return []saml.Endpoint{{Binding: saml.HTTPRedirect, Location: location}}
}

// parseCertificates reads PEM blocks, several in one text too, or the base64
// of one DER certificate.
func parseCertificates(texts []string) (certs []*x509.Certificate, wrong string) {
	for _, text := range texts {
		ders, ok := derBlocks(strings.TrimSpace(text))
		if !ok {
			return nil, "holds something that is not a certificate in PEM or base64"
		}
		for _, der := range ders {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return nil, "holds a certificate that can't be read"
			}
			if err := saml.CheckKey(c); err != nil {
				return nil, "holds a certificate with " + err.Error()
			}
			if !slices.ContainsFunc(certs, c.Equal) {
				certs = append(certs, c)
			}
		}
	}
	switch {
	case len(certs) == 0:
		return nil, "is empty"
	case len(certs) > saml.MaxCertificates:
		return nil, fmt.Sprintf("holds more than %d certificates", saml.MaxCertificates)
	}
	return certs, ""
}

func derBlocks(text string) (ders [][]byte, ok bool) {
	if !strings.HasPrefix(text, "-----BEGIN") {
		der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		return [][]byte{der}, err == nil && len(der) > 0
	}
	rest := []byte(text)
	for len(bytes.TrimSpace(rest)) > 0 {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != "CERTIFICATE" {
			return nil, false
		}
		ders = append(ders, block.Bytes)
	}
	return ders, len(ders) > 0
}
