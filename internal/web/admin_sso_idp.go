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
	"time"
	"unicode/utf8"

	"sallyport/help"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/sso"
)

// An exchangeView is the step in which both sides learn of each other: our
// values with the guide of the Identity Provider, and the form for its data.
type exchangeView struct {
	formView
	SSOAccess
	IdPName string
	Ours    help.Values
	Guide   guideView
	HasIdP  bool
	IdP     idpView // as it is saved
	Ways    []Tab
	Excerpt []excerptLine // of the document, around what is wrong with it
}

// An excerptLine is a line of a document.
type excerptLine struct {
	Number, Text string
	Wrong        bool
}

// ways are how the Identity Provider's data come.
var ways = []sso.Source{sso.Uploaded, sso.Pasted, sso.FromURL, sso.ByHand}

// adminProfileIdP shows what each side has to know of the other, and reads what
// is given of the Identity Provider. It is saved on the page after it.
func (w *Web) adminProfileIdP(v *visit) error {
	p, err := v.profile()
	if err != nil {
		return err
	}
	sent, err := v.sentIdP()
	if err != nil {
		return err
	}
	way := ways[0]
	for _, one := range ways {
		if by := v.URL.Query().Get("by"); string(one) == by {
			way = one
		}
	}
	f := v.exchange(&p, way, sent)
	f.idpFields(way, &p.Profile)
	if !f.sent() {
		return f.show(nil)
	}
	r, err := w.SSO.ReadIdP(v.Context(), v.actor(), p.ID, way, idpInput(way, sent))
	if err != nil {
		return f.show(err)
	}
	return v.to("/sso/" + p.ID + "/idp/" + r.ID)
}

// exchange is the form as a part of its page.
func (v *visit) exchange(p *sso.View, way sso.Source, sent url.Values) *form {
	f := v.newForm("sso", "setup_step.idp", "profiles.show", v.upToProfiles())
	f.AdminFrame = v.stepFrame(p, stepIdP)
	f.page = func(status int, form formView) error {
		view := exchangeView{formView: form, SSOAccess: v.ssoAccess(p), IdPName: form.product(p.IdP), Ours: v.ours(p), HasIdP: p.EntityID != ""}
		if g, ok := help.GuideFor(p.IdP); ok {
			view.Guide = newGuide(g, view.Ours)
		}
		if p.IdP == "other" { // which has no name
			view.IdPName = view.T("profiles.your_idp")
		}
		var err error
		if view.Stepper, err = v.stepper(p, stepIdP); err != nil {
			return err
		}
		if view.HasIdP {
			view.IdP = view.idp(&p.Profile, nil, time.Now())
		}
		for _, one := range ways {
			view.Ways = append(view.Ways, Tab{Link{view.Word("way_in", string(one)), "?by=" + string(one) + "#metadata"}, one == way})
		}
		if len(view.Errors) > 0 {
			view.Excerpt = excerpt(sent.Get("metadata_xml"), view.Errors[0].Line)
		}
		return v.render(status, "admin_profile_idp", view)
	}
	return f
}

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
func (v *visit) sentIdP() (url.Values, error) {
	kind, _, _ := mime.ParseMediaType(v.Request.Header.Get("Content-Type"))
	if v.Method != http.MethodPost || kind != "multipart/form-data" {
		return v.PostForm, nil
	}
	v.allowBody(2 * maxIdPForm)
	values, err := readParts(v.Request)
	if err != nil {
		// A browser that is not done sending shows no answer.
		_, _ = io.Copy(io.Discard, v.Request.Body)
		if errors.As(err, new(*http.MaxBytesError)) {
			return nil, fault.New(fault.TooLarge, "")
		}
		return nil, fault.Wrap(err, fault.Malformed, "")
	}
	v.PostForm = values
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

type readingView struct {
	formView
	Path    string
	Again   string // where something else is given
	Choose  bool   // there are several
	Search  bool   // more than a page shows
	Query   string
	Count   int64
	Found   []foundRow
	More    int64 // that are not shown
	IdP     idpView
	Dropped []certificateView // that are saved and were not read
	// Warnings are about what was read.
	Warnings []string
}

// A foundRow is one of several. Without a URL it is read once more.
type foundRow struct{ Name, EntityID, URL, Fault string }

// adminProfileReading shows what was read of an Identity Provider, and saves it.
func (w *Web) adminProfileReading(v *visit) error {
	p, err := v.changeable()
	if err != nil {
		return err
	}
	if !id.SSOReading.Valid(v.PathValue("reading")) {
		return fault.New(fault.NotFound, "")
	}
	r, err := w.SSO.Reading(v.Context(), v.actor(), p.ID, v.PathValue("reading"))
	if err != nil {
		return err
	}
	entityID := v.FormValue("entity_id")
	if entityID == "" && len(r.Found) > 1 {
		return v.chooseEntity(&p, &r)
	}
	chosen, err := r.Choose(entityID)
	if err != nil {
		return v.chooseEntity(&p, &r)
	}
	if chosen.NameOnly {
		return v.readAgain(&p, &r, chosen.EntityID)
	}
	f := v.reading(&p, &r, &chosen)
	v.acknowledgeEnforced(f, &p)
	if !f.sent() {
		return f.show(nil)
	}
	if err := v.acknowledgedEnforced(f, &p); err != nil {
		return f.show(err)
	}
	saved, err := w.SSO.Accept(v.Context(), v.actor(), p.ID, r.ID, chosen.EntityID)
	if err != nil {
		return f.show(err)
	}
	v.saved(&saved)
	return v.toProfile(&p)
}

// readAgain reads the one of several at a metadata URL that was chosen.
func (v *visit) readAgain(p *sso.View, r *sso.Reading, entityID string) error {
	if v.Method != http.MethodPost {
		return v.chooseEntity(p, r)
	}
	again, err := v.web.SSO.ReadIdP(v.Context(), v.actor(), p.ID, sso.FromURL, sso.Input{MetadataURL: &r.URL, EntityID: &entityID})
	if err != nil {
		return err
	}
	return v.to("/sso/" + p.ID + "/idp/" + again.ID)
}

// reading is the form that saves what was read, with what it is.
func (v *visit) reading(p *sso.View, r *sso.Reading, chosen *sso.Proposal) *form {
	f := v.newForm("sso", "setup_step.idp", "profiles.save_idp", v.upToProfiles())
	f.AdminFrame = v.stepFrame(p, stepIdP)
	f.Hidden = []hiddenInput{{"entity_id", chosen.EntityID}}
	now := time.Now()
	f.page = func(status int, form formView) error {
		next := p.Profile.With(*chosen, now)
		view := readingView{formView: form, Path: v.URL.Path, Again: againURL(v.base, p.ID, r.Source), IdP: form.idp(&next, &p.Profile, now)}
		view.IdP.DisplayName = chosen.DisplayName
		view.Warnings = form.proposalWarnings(p, chosen, &next, now)
		for _, c := range p.Certificates {
			if !holds(&next, c.SHA256) {
				view.Dropped = append(view.Dropped, form.certificate(c.Certificate, now))
			}
		}
		var err error
		if view.Stepper, err = v.stepper(p, stepIdP); err != nil {
			return err
		}
		return v.render(status, "admin_profile_reading", view)
	}
	return f
}

// proposalWarnings tells what is worth a second look before it is saved.
func (f Frame) proposalWarnings(p *sso.View, chosen *sso.Proposal, next *sso.Profile, now time.Time) []string {
	texts := f.warnings(next.Warnings(now, false))
	if chosen.WantsSignedRequests && !p.Options.SignRequests {
		texts = append(texts, f.T("profiles.wants_signed"))
	}
	if !chosen.ValidUntil.IsZero() && now.After(chosen.ValidUntil) {
		texts = append(texts, f.T("profiles.document_old", f.Date(chosen.ValidUntil)))
	}
	if p.EntityID != "" && p.EntityID != chosen.EntityID {
		texts = append(texts, f.T("profiles.other_entity"))
	}
	return texts
}

func againURL(base, profileID string, source sso.Source) string {
	return base + "/sso/" + profileID + "/idp?by=" + string(source) + "#metadata"
}

// maxFound is how many Identity Providers of a document a page shows.
const maxFound = 50

// chooseEntity lets somebody choose one of several.
func (v *visit) chooseEntity(p *sso.View, r *sso.Reading) error {
	view := readingView{formView: formView{AdminFrame: v.stepFrame(p, stepIdP)}, Path: v.URL.Path, Again: againURL(v.base, p.ID, r.Source),
		Choose: true, Count: int64(len(r.Found)), Query: v.URL.Query().Get("q"), Search: len(r.Found) > maxFound}
	word := strings.ToLower(view.Query)
	for _, one := range r.Found {
		if !strings.Contains(strings.ToLower(one.EntityID), word) && !strings.Contains(strings.ToLower(one.DisplayName), word) {
			continue
		}
		if len(view.Found) == maxFound {
			view.More++
			continue
		}
		row := foundRow{Name: one.DisplayName, EntityID: one.EntityID}
		if one.Fault != nil {
			row.Fault, _ = view.catalog.reason(view.Lang, one.Wrong())
		}
		if !one.NameOnly {
			row.URL = "?" + url.Values{"entity_id": {one.EntityID}}.Encode()
		}
		view.Found = append(view.Found, row)
	}
	var err error
	if view.Stepper, err = v.stepper(p, stepIdP); err != nil {
		return err
	}
	return v.render(http.StatusOK, "admin_profile_reading", view)
}
