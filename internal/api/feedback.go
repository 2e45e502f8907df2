package api

import (
	"context"
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sallyport/internal/access"
	"sallyport/internal/feedback"
	"sallyport/internal/id"
	"sallyport/internal/sheet"
)

type feedbackOut struct {
	ID       string            `json:"id"`
	Time     time.Time         `json:"time"`
	Page     string            `json:"page" doc:"The path of the page of the help."`
	Language string            `json:"language"`
	Rating   feedback.Rating   `json:"rating" enum:"yes,no" doc:"Whether it was helpful."`
	Reasons  []feedback.Reason `json:"reasons"`
	Comment  string            `json:"comment" doc:"What the reader wrote. Anybody can have written it."`
	SignedIn bool              `json:"signed_in" doc:"Whether the reader was signed in. Who it was is not kept."`
}

func showFeedback(a feedback.Answer) feedbackOut {
	return feedbackOut{a.ID, a.Time, a.Page, a.Language, a.Rating, append([]feedback.Reason{}, a.Reasons...), a.Comment, a.SignedIn}
}

type feedbackPageOut struct {
	Page     string                    `json:"page"`
	Yes      int64                     `json:"yes"`
	No       int64                     `json:"no"`
	Reasons  map[feedback.Reason]int64 `json:"reasons" doc:"How often each was given."`
	LatestAt time.Time                 `json:"latest_at"`
}

// A FeedbackFilter says which answers are asked for.
type FeedbackFilter struct {
	Page   string    `query:"page" maxLength:"200" doc:"The path of a page, such as /help/guides/okta."`
	Rating string    `query:"rating" enum:"yes,no"`
	Since  time.Time `query:"since"`
	Until  time.Time `query:"until"`
}

func (f *FeedbackFilter) query() feedback.Query {
	return feedback.Query{Page: f.Page, Rating: feedback.Rating(f.Rating), Since: f.Since, Until: f.Until}
}

func (a *API) feedback() {
	const tag = "Help"

	type listFeedback struct {
		FeedbackFilter
		Paging
	}
	handle(a, route{id: "list-feedback", method: http.MethodGet, path: "/feedback", tag: tag,
		summary: "List what readers said of the pages of the help", action: access.ActFeedbackRead},
		func(ctx context.Context, actor access.Actor, in *listFeedback) (*body[list[feedbackOut]], error) {
			q := in.query()
			q.After, q.Limit = in.Cursor, in.Limit
			found, err := a.Feedback.List(ctx, actor, q)
			return listOf(found, in.Limit, showFeedback, func(f feedback.Answer) string { return f.ID }), err
		})

	type summarizeFeedback struct {
		Since time.Time `query:"since"`
		Until time.Time `query:"until"`
	}
	handle(a, route{id: "summarize-feedback", method: http.MethodGet, path: "/feedback/summary", tag: tag,
		summary: "Count what readers said, by page: the least helpful first", action: access.ActFeedbackRead},
		func(ctx context.Context, actor access.Actor, in *summarizeFeedback) (*body[list[feedbackPageOut]], error) {
			found, err := a.Feedback.Summarize(ctx, actor, in.Since, in.Until)
			return listUpTo(found, "", func(p feedback.Summary) feedbackPageOut { return feedbackPageOut(p) }), err
		})

	type feedbackFile struct {
		FeedbackFilter
		Stream
	}
	handle(a, route{id: "get-feedback-file", method: http.MethodGet, path: "/feedback.csv", tag: tag, produces: "text/csv",
		summary: "Get what readers said as a CSV file", action: access.ActFeedbackRead},
		func(ctx context.Context, actor access.Actor, in *feedbackFile) (*huma.StreamResponse, error) {
			// An error behind the first octet can only break the file off.
			return streamed(a.feedbackFile(ctx, actor, in.query(), &in.Stream))
		})

	handle(a, route{id: "delete-feedback", method: http.MethodDelete, path: "/feedback/{id}", tag: tag,
		summary: "Delete what a reader said", action: access.ActFeedbackDelete, kinds: []id.Kind{id.Feedback}, status: http.StatusNoContent},
		func(ctx context.Context, actor access.Actor, in *ref) (*none, error) {
			return nil, a.Feedback.Delete(ctx, actor, in.ID)
		})
}

// feedbackFile writes answers as a CSV file in which no cell is a formula.
func (a *API) feedbackFile(ctx context.Context, actor access.Actor, q feedback.Query, to *Stream) error {
	var w *csv.Writer
	write := func(cells ...string) error {
		for i := range cells {
			cells[i] = sheet.Guard(cells[i])
		}
		return w.Write(cells)
	}
	err := a.Feedback.Each(ctx, actor, q, func() error {
		w = csv.NewWriter(to.file(sheet.Kind, "feedback.csv")())
		w.UseCRLF = true
		return write("id", "time", "page", "language", "rating", "reasons", "comment", "signed_in")
	}, func(f feedback.Answer) error {
		reasons := make([]string, len(f.Reasons))
		for i, r := range f.Reasons {
			reasons[i] = string(r)
		}
		return write(f.ID, f.Time.Format(time.RFC3339), f.Page, f.Language, string(f.Rating), strings.Join(reasons, " "), f.Comment, strconv.FormatBool(f.SignedIn))
	})
	if w != nil {
		w.Flush()
		if err == nil {
			err = w.Error()
		}
	}
	return err
}
