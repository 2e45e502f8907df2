package web

import (
	"errors"
	"net/http"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/record"
	"sallyport/internal/sso"
	"sallyport/saml"
)

type attemptView struct {
	AdminFrame
	Path       string
	Verdict    string
	Outcome    record.Outcome
	Code       string
	Fix        diagnosis
	Facts      attemptRow
	Names      string // whom the message names, where nobody is known by it
	ProfileURL string
	Started    string // where, in words; empty: not known
	OurClock   string
	TheirClock string // empty: the message does not say
	Steps      []testStep
	Attributes []testAttribute
	Message    string
	Left       []string // what is not shown or was not kept, in words
	Hidden     bool     // values can be asked for
	Revealed   bool
	NoReplay   string // why it can't be judged again; empty: it can
	Errors     formErrors
}

// attemptID is what the path names.
func (v *visit) attemptID() (string, error) {
	if !id.Attempt.Valid(v.PathValue("attempt")) {
		return "", fault.New(fault.NotFound, "")
	}
	return v.PathValue("attempt"), nil
}

// attempt reads the record that the path names, values hidden or not.
func (v *visit) attempt(read func(s *record.Service, attemptID string) (record.Record, error)) (r record.Record, err error) {
	attemptID, err := v.attemptID()
	if err != nil {
		return r, err
	}
	if r, err = read(v.web.Record, attemptID); err == nil && r.OrganizationID != v.organization.ID {
		return record.Record{}, fault.New(fault.NotFound, "")
	}
	return r, err
}

func (v *visit) hiddenAttempt() (record.Record, error) {
	return v.attempt(func(s *record.Service, attemptID string) (record.Record, error) {
		return s.Record(v.Context(), v.actor(), attemptID)
	})
}

// adminAttempt shows the record of an attempt.
func (w *Web) adminAttempt(v *visit) error {
	r, err := v.hiddenAttempt()
	if err != nil {
		return err
	}
	view, err := v.attemptView(&r)
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "admin_attempt", view)
}

// adminRevealAttempt shows it with the values of attributes. The answer is the
// page itself: what is revealed has no URL.
func (w *Web) adminRevealAttempt(v *visit) error {
	// Whose it is comes first: who asked is written down in the same transaction.
	if _, err := v.hiddenAttempt(); err != nil {
		return err
	}
	r, err := v.attempt(func(s *record.Service, attemptID string) (record.Record, error) {
		return s.Reveal(v.Context(), v.actor(), attemptID)
	})
	if err != nil {
		return err
	}
	view, err := v.attemptView(&r)
	if err != nil {
		return err
	}
	view.Revealed = true
	return v.render(http.StatusOK, "admin_attempt", view)
}

func (v *visit) upToActivity() Link {
	return Link{v.request.text("activity.title"), v.base + "/activity"}
}

func (v *visit) attemptView(r *record.Record) (view attemptView, err error) {
	view = attemptView{AdminFrame: v.adminFrame("activity", "attempt.title"), Path: v.base + "/activity/" + r.ID, Outcome: r.Outcome, Code: string(r.Code)}
	view.Up = v.upToActivity()
	rows, err := v.attemptRows(&view.AdminFrame, []record.Attempt{r.Attempt})
	if err != nil {
		return view, err
	}
	view.Facts = rows[0]
	if id.SSOProfile.Valid(r.ProfileID) && view.Facts.Profile != r.ProfileID {
		view.ProfileURL = v.base + "/sso/" + r.ProfileID
	}
	if r.Started != record.SideUnknown {
		view.Started = view.Word("attempt_started", string(r.Started))
	}
	var failed string
	view.Steps, failed = v.newTestSteps(view.Frame, r.Checks)
	view.Verdict = view.verdict(r, failed)
	found, err := v.web.SSO.Diagnose(v.Context(), r)
	if err != nil {
		return view, err
	}
	product, err := v.productOf(r.ProfileID)
	if err != nil {
		return view, err
	}
	view.Fix = view.diagnosis(product, &found)
	view.clocks(r)
	if view.Facts.WhoURL == "" {
		view.Names = abridge(record.Named(r.Checks))
	}
	view.Attributes = newTestAttributes(r.Attributes)
	var more bool
	view.Message, more = firstOf(r.Message.Readable(), shownMessage)
	view.Left = view.left(r, more)
	view.Hidden = r.Hidden && (len(r.Attributes) > 0 || len(r.Message.Text) > 0)
	view.NoReplay = view.noReplay(r)
	return view, nil
}

// verdict is what became of an attempt, in one line.
func (f Frame) verdict(r *record.Record, failed string) string {
	switch {
	case r.Outcome == record.Succeeded:
		return f.T("attempt.succeeded")
	case r.Outcome == record.Pending:
		return f.T("attempt.pending")
	case failed == "":
		return f.T("attempt.refused")
	}
	return f.T("attempt.refused_at", failed)
}

// productOf is which Identity Provider an SSO profile is for; empty if it is no
// longer there.
func (v *visit) productOf(profileID string) (string, error) {
	if !id.SSOProfile.Valid(profileID) {
		return "", nil
	}
	p, err := v.web.SSO.Profile(v.Context(), v.actor(), profileID)
	if errorIs(err, fault.NotFound) {
		return "", nil
	}
	return p.IdP, err
}

const layoutClock = "2006-01-02 15:04:05 UTC"

// clocks fills in when a message was made by the Identity Provider's clock, and
// when it came by ours.
func (a *attemptView) clocks(r *record.Record) {
	a.OurClock = r.Time.UTC().Format(layoutClock)
	if issued, ok := record.Issued(r.Checks); ok {
		a.TheirClock = issued.UTC().Format(layoutClock)
	}
}

// left tells what of an attempt is not shown, or was not kept.
func (f Frame) left(r *record.Record, more bool) (texts []string) {
	if !r.Kept {
		return []string{f.T("attempt.not_kept")}
	}
	if r.Message.Fields > 1 {
		texts = append(texts, f.T("attempt.fields", f.Number(int64(r.Message.Fields))))
	}
	if r.Message.Plain {
		texts = append(texts, f.T("attempt.plain"))
	}
	switch {
	case r.Message.Cut && len(r.Message.Text) == 0:
		texts = append(texts, f.T("attempt.no_message"))
	case r.Message.Cut:
		texts = append(texts, f.T("attempt.cut"))
	}
	if more {
		texts = append(texts, f.T("attempt.more"))
	}
	if n := len(r.Attributes); n > shownAttributes {
		texts = append(texts, f.T("attempt.more_attributes", f.Number(shownAttributes), f.Number(int64(n))))
	}
	return texts
}

// noReplay tells why an attempt can't be judged again, as far as its record says
// so.
func (f Frame) noReplay(r *record.Record) string {
	switch {
	case r.Method != access.MethodSSO || r.ProfileID == "":
		return f.T("attempt.no_replay_method")
	case r.Code == fault.SAMLTooLarge:
		return ""
	case !r.Kept, r.Message.Fields == 0 && r.Code != fault.SAMLResponseMissing:
		return f.T("attempt.no_replay_message")
	case r.Message.Cut:
		return f.T("attempt.no_replay_cut")
	}
	return ""
}

type replayView struct {
	AdminFrame
	Path    string
	Passed  bool
	Verdict string
	Then    string // what became of it then, where that was something else
	Code    string
	Fix     diagnosis
	Steps   []testStep
	Judged  time.Time // as if it had come then
}

// adminReplayAttempt judges the message of an attempt by the present settings.
func (w *Web) adminReplayAttempt(v *visit) error {
	r, err := v.hiddenAttempt()
	if err != nil {
		return err
	}
	again, err := w.SSO.Replay(v.Context(), v.actor(), r.ID)
	if errorIs(err, fault.Conflict) { // it can't be judged: the record's page says why
		view, e := v.attemptView(&r)
		if e != nil {
			return e
		}
		status := v.note(err)
		view.Errors = formErrors{{Message: view.whyNot(v, err)}}
		return v.render(status, "admin_attempt", view)
	}
	if err != nil {
		return err
	}
	view, err := v.replayView(&r, again)
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "admin_replay", view)
}

// whyNot says in the page's language why a message was not judged again.
func (a *attemptView) whyNot(v *visit, err error) string {
	var f *fault.Error
	if errors.As(err, &f) && v.lang == defaultLanguage && f.Detail != "" {
		return f.Detail
	}
	if a.NoReplay != "" {
		return a.NoReplay
	}
	return a.T("attempt.no_replay_profile")
}

func (v *visit) replayView(r *record.Record, again *sso.Replay) (view replayView, err error) {
	view = replayView{AdminFrame: v.adminFrame("activity", "replay.title"), Path: v.base + "/activity/" + r.ID, Passed: again.Status == saml.Passed,
		Code: string(again.Code), Judged: r.Time}
	view.Up = Link{view.T("attempt.title"), view.Path}
	var failed string
	view.Steps, failed = v.newTestSteps(view.Frame, again.Checks)
	for i := range view.Steps {
		if s := &view.Steps[i]; s.Name == view.Word("test_step", "replay") && s.Status == string(saml.NotReached) {
			s.Status = "left_out"
		}
	}
	switch {
	case view.Passed:
		view.Verdict = view.T("replay.passed", again.Email)
	case failed == "":
		view.Verdict = view.T("replay.refused")
	default:
		view.Verdict = view.T("replay.refused_at", failed)
	}
	switch {
	case r.Code == again.Code:
	case r.Code == "":
		view.Then = view.T("replay.then_accepted")
	default:
		view.Then = view.T("replay.then_refused", string(r.Code))
	}
	product, err := v.productOf(r.ProfileID)
	view.Fix = view.diagnosis(product, &again.Diagnosis)
	return view, err
}
