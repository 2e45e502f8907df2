package web

import (
	"net/http"
	"net/url"
	"slices"

	"sallyport/help"
	"sallyport/internal/fault"
	"sallyport/internal/feedback"
)

// A feedbackView asks whether a page of the help was helpful: what the template
// "feedback" shows.
type feedbackView struct {
	Path    string // of the page that it is about
	Rating  string
	Comment string
	Most    int // characters of a comment
	Ratings []ratingView
	Errors  formErrors
}

// A ratingView is an answer that can be given, with its reasons.
type ratingView struct {
	formOption
	Reasons []formOption
}

// asked is the question about a page; the zero one where there is nothing to ask.
func (f Frame) asked(path string) (v feedbackView) {
	kind, ok := help.KindOf(path)
	if !ok {
		return v
	}
	v = feedbackView{Path: path, Most: feedback.MaxComment}
	for _, r := range feedback.Ratings() {
		one := ratingView{formOption: formOption{Value: string(r), Text: f.Word("rating", string(r))}}
		for _, reason := range feedback.Reasons(kind, r) {
			one.Reasons = append(one.Reasons, formOption{Value: string(reason), Text: f.Word("rating_reason", string(reason))})
		}
		v.Ratings = append(v.Ratings, one)
	}
	return v
}

type feedbackPageView struct {
	HelpFrame
	Answer feedbackView
}

// A helpPage is a page of the help, which ends with the question.
type helpPage interface{ frame() HelpFrame }

func (f HelpFrame) frame() HelpFrame { return f }

// ask is what the template "feedback-form" shows on a page of the help.
func ask(p helpPage) feedbackPageView {
	f := p.frame()
	return feedbackPageView{f, f.asked(f.Path)}
}

// giveFeedback takes what a reader says of a page. What went wrong is told with
// all that was entered.
func (w *Web) giveFeedback(r *request) error {
	if err := r.ParseForm(); err != nil {
		return fault.New(fault.Malformed, "")
	}
	identity, err := r.visitor()
	if err != nil {
		return err
	}
	path := r.PostForm.Get("page")
	in := feedback.NewAnswer{Page: path, Language: r.lang, Rating: r.PostForm.Get("rating"), Comment: r.PostForm.Get("comment"), SignedIn: identity != nil}
	for _, reason := range r.PostForm["reason"] {
		rating, value, _ := cutReason(reason)
		if rating == in.Rating {
			in.Reasons = append(in.Reasons, value)
		}
	}
	if _, err = w.Feedback.Give(r.Context(), r.actor().Address, in); err == nil {
		return r.redirect("/help/thanks?" + url.Values{"page": {path}}.Encode())
	}
	if _, ok := help.KindOf(path); !ok || !errorIs(err, fault.CodeInvalid) && !errorIs(err, fault.RateLimited) {
		return err
	}
	frame, e := r.helpFrame("feedback.title", Link{r.text("feedback.back"), path})
	if e != nil {
		return e
	}
	v := feedbackPageView{HelpFrame: frame, Answer: frame.asked(path)}
	v.Answer.fill(&in)
	f := fault.From(err)
	switch {
	case errorIs(err, fault.RateLimited):
		_, do := r.sentences(f)
		v.Answer.Errors = formErrors{{Message: do}}
	case in.Rating == "":
		v.Answer.Errors = formErrors{{Message: v.T("feedback.choose")}}
	default:
		v.Answer.Errors = formErrors{{Message: v.T("feedback.long", v.Number(int64(feedback.MaxComment)))}}
	}
	return r.render(r.note(err), "feedback", v)
}

// fill shows again what was entered.
func (v *feedbackView) fill(in *feedback.NewAnswer) {
	v.Rating, v.Comment = in.Rating, shorten(in.Comment, 2*feedback.MaxComment)
	for i := range v.Ratings {
		one := &v.Ratings[i]
		one.Chosen = one.Value == in.Rating
		for k := range one.Reasons {
			one.Reasons[k].Chosen = one.Chosen && slices.Contains(in.Reasons, one.Reasons[k].Value)
		}
	}
}

// cutReason takes the value of a reason's box apart: it is one of a rating.
func cutReason(text string) (rating, reason string, ok bool) {
	for _, r := range feedback.Ratings() {
		if prefix := string(r) + "."; len(text) > len(prefix) && text[:len(prefix)] == prefix {
			return string(r), text[len(prefix):], true
		}
	}
	return "", "", false
}

type thanksView struct {
	HelpFrame
	Back string
}

// thankForFeedback says so.
func (w *Web) thankForFeedback(r *request) error {
	path := r.URL.Query().Get("page")
	if _, ok := help.KindOf(path); !ok {
		path = "/help"
	}
	frame, err := r.helpFrame("feedback.thanks", Link{r.text("feedback.back"), path})
	if err != nil {
		return err
	}
	return r.render(http.StatusOK, "thanks", thanksView{frame, path})
}
