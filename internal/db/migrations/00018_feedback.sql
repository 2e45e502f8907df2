-- +goose Up

-- feedback

-- Answers to "Was this helpful?" on pages of the help. Nothing in a row says who
-- gave it. An id sorts by time.
create table feedback_answers (
    id        text primary key,
    time      bigint not null,
    page      text not null,    -- the path
    language  text not null,
    rating    text not null,    -- yes or no
    reasons   text not null,    -- sorted, with commas between
    comment   text not null,
    signed_in boolean not null
);
create index feedback_answers_page on feedback_answers (page, id);
create index feedback_answers_rating on feedback_answers (rating, id);
create index feedback_answers_counts on feedback_answers (page, rating, reasons, time);
