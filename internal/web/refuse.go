package web

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"sallyport/internal/door"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/signin"
)

type refusalView struct {
	Frame
	Code     string
	What, Do string // what happened; what to do now
	WhyURL   string
	SSOURL   string // the way that is open instead
	Password bool   // offer the password page
	Retry    bool   // offer to start again
	Another  bool   // offer another mail with a link
	ReturnTo string
	Support  string
	Time     time.Time
}

// errorIs reports whether an error has a code.
func errorIs(err error, code fault.Code) bool { return errors.Is(err, code) }

// note sets the headers of a refusal, leaves it for the log, and returns its
// status.
func (r *request) note(err error) int {
	f, reference := r.refusal(err)
	door.Note(r.Context(), f, reference)
	door.ErrorHeaders(r.ResponseWriter.Header(), f, reference)
	return f.Status()
}

// refusal returns the fault of an error and its reference: the recorded one of
// a sign-in, or a new one.
func (r *request) refusal(err error) (*fault.Error, string) {
	var recorded *signin.Refusal
	if errors.As(err, &recorded) {
		return recorded.Fault, recorded.Reference
	}
	reference := r.ResponseWriter.Header().Get("Sallyport-Reference")
	if reference == "" {
		reference = r.web.IDs.New(id.Attempt)
	}
	return fault.From(err), reference
}

// refuse answers with the page of an error: one sentence what happened, one
// what to do, a way on, and the reference for whoever is asked.
func (r *request) refuse(err error) {
	status := r.note(err)
	f, _ := r.refusal(err)
	v := refusalView{
		Frame: r.frame("refusal.title"), Code: string(f.Code), Time: time.Now().UTC(), Support: r.web.cfg.SupportURL,
		ReturnTo: r.returnTo(), WhyURL: "/help/errors/" + string(f.Code),
	}
	var recorded *signin.Refusal
	if errors.As(err, &recorded) && recorded.ReturnTo != "" {
		v.ReturnTo = recorded.ReturnTo
	}
	v.What, v.Do = r.sentences(f)
	var refusal *signin.Refusal
	signOut := r.signingOut != signingNothing && errors.As(err, &refusal)
	switch {
	case signOut && r.signingOut == signingAnswer:
		v.What, v.Do = r.text("signed_out.unchecked"), r.text("signed_out.unchecked_do")
	case signOut:
		v.What, v.Do = r.text("signed_out.refused"), r.text("signed_out.refused_do")
	}
	v.Title = v.What
	switch f.Code {
	case fault.SSORequired:
		if recorded != nil && recorded.ProfileID != "" {
			v.SSOURL = withReturn("/saml/"+url.PathEscape(recorded.ProfileID)+"/start", v.ReturnTo)
		}
	case fault.SSONotEnabledForUser, fault.UserNotFound, fault.DomainNotVerified:
		v.Password, v.Retry = true, true
	case fault.NotFound, fault.Forbidden, fault.Internal, fault.UserDeactivated, fault.CodeInvalid:
	case fault.LinkExpired, fault.LinkUsed, fault.UserNotActivated:
		v.Retry, v.Another = true, true
	default:
		v.Retry = !signOut
	}
	if r.aside {
		v.Password, v.Retry, v.Another = false, false, false
	}
	if e := r.render(status, "refusal", v); e != nil {
		r.web.Logger.Error("refusal page", "cause", e)
		http.Error(r.ResponseWriter, v.What, status)
	}
}

// sentences are what a person reads of a fault, in their language.
func (r *request) sentences(f *fault.Error) (what, do string) {
	what, ok := r.web.pages.catalog.find(r.lang, "error."+string(f.Code))
	if !ok {
		what = f.Title
	}
	// The detail is written in English and knows more than the catalogue.
	if r.lang == defaultLanguage && f.Detail != "" {
		return what, f.Detail
	}
	if do, ok = r.web.pages.catalog.find(r.lang, "error."+string(f.Code)+".do"); !ok {
		do = r.text("error.do")
	}
	return what, do
}

// A formError is what is wrong with one field.
type formError struct {
	Field, Message string
	Line           int // of the document that was entered; 0: it is about no line
}

type formErrors []formError

// On returns what is wrong with a field.
func (e formErrors) On(field string) string {
	for _, one := range e {
		if one.Field == field {
			return one.Message
		}
	}
	return ""
}

// formErrors turns a fault into what stands at the fields of a form.
func (r *request) formErrors(err error) formErrors {
	f := fault.From(err)
	var list formErrors
	for _, field := range f.Fields {
		message, key := field.Message, string(f.Code)
		if field.Reason != "" {
			key = field.Reason
		}
		if text, ok := r.web.pages.catalog.find(r.lang, "field."+field.Name+"."+key); ok {
			message = text
		}
		if text, ok := r.web.pages.catalog.reason(r.lang, field); ok {
			message = text
		}
		list = append(list, formError{field.Name, message, field.Line})
	}
	return list
}

// scim tells programs that expect SCIM how users are managed here.
func (w *Web) scim(rw http.ResponseWriter, r *http.Request) {
	f := fault.New(fault.NotSupported, "There is no SCIM here: users are managed in the Admin Center, or with the API and the command line; see /api/v1/openapi.json.")
	reference := w.IDs.New(id.Attempt)
	door.Note(r.Context(), f, reference)
	door.WriteProblem(rw, f, w.cfg.BaseURL, reference)
}
