package web

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"sallyport/internal/fault"
	"sallyport/internal/sso"
)

// ways are how the Identity Provider's data come.
var ways = []sso.Source{sso.Uploaded, sso.Pasted, sso.FromURL, sso.ByHand}

// maxShown is the greatest pasted document that a refused form shows again, in
// octets: pages are small.
const maxShown = 8 << 10

// idpFields adds the fields of one way.
func (f *form) idpFields(way sso.Source, p *sso.Profile) {
	f.lead("way_in_what." + string(way))
	switch way {
	case sso.Uploaded:
		f.add(formField{Name: "metadata_xml", Kind: fieldFile, Label: f.T("profiles.file"), Accept: ".xml,application/xml,text/xml,application/samlmetadata+xml", Required: true}).First = false
	case sso.Pasted:
		field := f.add(formField{Name: "metadata_xml", Kind: fieldTextarea, Label: f.T("profiles.document"), Rows: 12, Required: true})
		if len(field.Value) > maxShown || !utf8.ValidString(field.Value) {
			field.Value = ""
		}
	case sso.FromURL:
		field := f.text("metadata_url", "profiles.metadata_url", p.MetadataURL)
		field.Max, field.Required = 2048, true
	case sso.ByHand:
		f.handFields(p)
	}
	for i := range f.Fields {
		f.Fields[i].First = false // the page begins above
	}
}

// handFields are those of an Identity Provider without a document. They begin
// with what is saved.
func (f *form) handFields(p *sso.Profile) {
	location := func(what []string) string { return strings.Join(what[:min(len(what), 1)], "") }
	var signIn, signOut []string
	for _, ep := range p.SSO {
		signIn = append(signIn, ep.Location)
	}
	for _, ep := range p.SLO {
		signOut = append(signOut, ep.Location)
	}
	for _, one := range []struct {
		name, label, hint, value string
		max                      int
	}{
		{"entity_id", "profiles.entity_id", "profiles.entity_id_hint", p.EntityID, 1024},
		{"sso_url", "profiles.sso_url", "profiles.sso_url_hint", location(signIn), 2048},
		{"slo_url", "profiles.slo_url", "profiles.slo_url_hint", location(signOut), 2048},
	} {
		field := f.text(fieldName(one.name), one.label, one.value)
		field.Hint, field.Max, field.Required = f.T(one.hint), one.max, one.name != "slo_url"
	}
	f.add(formField{Name: "certificates", Kind: fieldTextarea, Label: f.T("profiles.certificates"), Hint: f.T("profiles.certificates_hint"), Value: pemOf(p), Rows: 8, Required: true})
	f.add(formField{Name: "certificate_files", Kind: fieldFile, Label: f.T("profiles.certificate_files"), Accept: ".pem,.crt,.cer,.der", Several: true})
}

// idpInput is what was sent, for the use case.
func idpInput(way sso.Source, sent url.Values) (in sso.Input) {
	switch way {
	case sso.FromURL:
		address := sent.Get("metadata_url")
		return sso.Input{MetadataURL: &address}
	case sso.Uploaded, sso.Pasted:
		document := sent.Get("metadata_xml")
		return sso.Input{MetadataXML: &document}
	}
	entityID, signIn, signOut := sent.Get("entity_id"), sent.Get("sso_url"), strings.TrimSpace(sent.Get("slo_url"))
	in = sso.Input{EntityID: &entityID, SSOURL: &signIn, SLOURL: &signOut, Certificates: []string{}}
	for _, text := range append(sent["certificates"], sent["certificate_files"]...) {
		if _, err := x509.ParseCertificate([]byte(text)); err == nil { // a file in DER
			text = base64.StdEncoding.EncodeToString([]byte(text))
		}
		if strings.TrimSpace(text) != "" {
			in.Certificates = append(in.Certificates, text)
		}
	}
	return in
}

// maxIdPForm bounds the form: one octet more than a document may have can be
// told apart from one that is as long as it may be.
const maxIdPForm = sso.MaxMetadata + maxForm

// sentIdP reads what was sent, files too, and makes it what the form's fields
// show.
func (r *request) sentIdP() (url.Values, error) {
	kind, _, _ := mime.ParseMediaType(r.Request.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || kind != "multipart/form-data" {
		return r.PostForm, nil
	}
	r.allowBody(2 * maxIdPForm)
	values, err := readParts(r.Request)
	if err != nil {
		// A browser that is not done sending shows no answer.
		_, _ = io.Copy(io.Discard, r.Request.Body)
		if errors.As(err, new(*http.MaxBytesError)) {
			return nil, fault.New(fault.TooLarge, "")
		}
		return nil, fault.Wrap(err, fault.Malformed, "")
	}
	r.PostForm = values
	return values, nil
}

// maxParts bounds how many fields and files a form may have.
const maxParts = 40

func readParts(r *http.Request) (url.Values, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, err
	}
	values := url.Values{}
	for range maxParts {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(io.LimitReader(part, maxIdPForm))
		if err != nil {
			return nil, err
		}
		values.Add(part.FormName(), string(content))
	}
	return nil, errors.New("web: a form of too many parts")
}

// excerpt returns the lines of a document around one of them.
func excerpt(document string, line int) (list []excerptLine) {
	if line < 1 || !utf8.ValidString(document) {
		return nil
	}
	n := 0
	for text := range strings.Lines(document) {
		if n++; n > line+1 {
			break
		}
		if n >= line-1 {
			list = append(list, excerptLine{fmt.Sprint(n), clip(strings.TrimRight(text, "\r\n")), n == line})
		}
	}
	return list
}

// clip shortens a line to what a page has room for.
func clip(text string) string {
	const most = 160
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
