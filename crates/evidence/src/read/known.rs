//! Lines that tell once more what one like them has told, at another time.
//!
//! A storm is a few lines, over and over: of those that are known only the time is read.

use std::ops::Range;

use forebay_failures::{Form, Forms, KnownLines};
use forebay_logs::{parse_iso, parse_json, parse_unix_in};

use super::ci::Ci;
use super::pasted::By;
use crate::event::{Event, MAX_MESSAGE_BYTES, What};
use crate::gathered::Keys;
use crate::plausible::is_plausible;
use crate::{Context, Moment};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// So much may be left of a time or an id where a message is cut, in bytes.
const MAX_PART_BYTES: usize = 64;

/// What lines of a source have told.
#[derive(Debug, Default)]
pub(crate) struct Known {
    lines: KnownLines<Told>,
    /// Records that have told of nothing. Apart from the others, which the endless forms of what tells of nothing would crowd out.
    nothing: KnownLines<()>,
    forms: Forms,
    /// Where the times stand in the line that is being read.
    times: Vec<Range<usize>>,
    /// What was known of the job when they were read.
    ci: Ci,
    /// The form of the line that is being read.
    form: Option<Form>,
    /// Whether that is the line that is read next.
    is_next: bool,
}

/// What a line has told.
#[derive(Debug)]
pub(crate) struct Told {
    /// The same, when the line that was asked for last was written.
    pub(crate) event: Event,
    pub(crate) by: By,
    /// Whether nothing else in the event is of when its line was written: another is the same.
    pub(crate) is_whole: bool,
    /// By what the event is known again.
    pub(crate) keys: Keys,
    /// Which of the times in the line are the event's, a bit each.
    times: u16,
}

impl Known {
    /// Whether a line is known; then it has to be read next. Its form and times may have been found out before.
    pub(crate) fn is_known(
        &mut self,
        line: &[u8],
        form: Option<(Form, &[Range<usize>])>,
        ci: &Ci,
    ) -> bool {
        if let Some((form, times)) = form {
            self.stay_in(ci);
            self.form = Some(form);
            self.is_next = self.has(form);
            if self.is_next {
                self.times.clear();
                self.times.extend_from_slice(times);
            }
        } else {
            self.look_at(line, ci);
            self.is_next = self.form.is_some_and(|form| self.has(form));
        }
        self.is_next
    }

    /// What a line tells but for its words, if one of its form has told it; who comes first is remembered by [`Self::keep`].
    pub(crate) fn find(&mut self, line: &str, ci: &Ci, context: &Context) -> Option<&mut Told> {
        if !std::mem::take(&mut self.is_next) {
            self.look_at(line.as_bytes(), ci);
        }
        let told = self.lines.find(self.form?)?;
        if told.times != 0 {
            told.event.first = Some(told.moment(&self.times, line, context)?);
            told.event.last = told.event.first;
        }
        Some(told)
    }

    /// Whether the line that was asked for last tells of nothing, as one of its form has told of nothing.
    pub(crate) fn is_nothing(&self) -> bool {
        self.form.is_some_and(|form| self.nothing.has(form))
    }

    /// Remembers that the line that was asked for last has told of nothing.
    pub(crate) fn keep_nothing(&mut self, line: &str) {
        if let Some(form) = self.form {
            self.nothing.keep(form, line.len(), ());
        }
    }

    /// Leaves a line alone: it may belong to what stands around it.
    pub(crate) const fn pass(&mut self) {
        self.form = None;
        self.is_next = false;
    }

    /// Remembers what the line has told that was asked for last, if the time of another can be read.
    pub(crate) fn keep(&mut self, line: &str, told: (&Event, By, Keys), context: &Context) {
        let (event, by, keys) = told;
        // Of a pull that went well the words tell a size.
        let is_once = event.first == event.last
            && !event.is_by_age
            && !matches!(event.what, What::PullSucceeded | What::PullAttempted);
        let Some(form) = self.form.filter(|_| is_once) else {
            return;
        };
        // Its form may have been found out before, where nobody asked for its ids.
        self.forms.form(line.as_bytes());
        let mut times = 0;
        for (index, time) in self.forms.times().iter().enumerate() {
            let is_its = event
                .first
                .is_some_and(|moment| read_time(line, time, moment, context) == Some(moment));
            times |= u16::from(is_its) << index;
        }
        if times != 0 || event.first.is_none() {
            let told = Told {
                event: event.clone(),
                by,
                is_whole: self.is_whole(line, event),
                keys,
                times,
            };
            self.lines.keep(form, line.len(), told);
        }
    }

    fn has(&self, form: Form) -> bool {
        self.lines.has(form) || self.nothing.has(form)
    }

    fn look_at(&mut self, line: &[u8], ci: &Ci) {
        self.stay_in(ci);
        self.form = self.forms.form(line);
        self.times.clear();
        self.times.extend_from_slice(self.forms.times());
    }

    /// Forgets what was told in another job.
    fn stay_in(&mut self, ci: &Ci) {
        if self.ci != *ci {
            self.lines.forget();
            self.nothing.forget();
            self.ci = ci.clone();
        }
    }

    /// Whether no text of the event has anything of the line's times and ids; a message that was cut may have too little of one
    /// to know it.
    fn is_whole(&self, line: &str, event: &Event) -> bool {
        let place = &event.place;
        let texts = [
            &place.namespace,
            &place.task,
            &place.container,
            &place.node,
            &place.cluster,
            &event.image,
        ];
        let owner = place.owner.iter().map(|owner| &owner.name);
        let mut texts = texts
            .into_iter()
            .flatten()
            .chain(owner)
            .chain([&event.message]);
        event.message.len() + MAX_PART_BYTES < MAX_MESSAGE_BYTES
            && !texts.any(|text| self.forms.stand_in(line.as_bytes(), text))
    }
}

impl Told {
    /// When a line like it was written: all times that were the event's have to agree.
    fn moment(&self, times: &[Range<usize>], line: &str, context: &Context) -> Option<Moment> {
        let before = self.event.first?;
        let of_event = times
            .iter()
            .enumerate()
            .filter(|(index, _)| self.times >> index & 1 == 1);
        let mut moments = of_event.map(|(_, time)| read_time(line, time, before, context));
        let moment = moments.next()??;
        let is_told = moments.all(|other| other == Some(moment));
        (is_told && is_plausible(moment, context)).then_some(moment)
    }
}

/// A moment as a line has it: with a date of its own, as a number, or in the day of `before`, whose date stands in the line too.
fn read_time(line: &str, time: &Range<usize>, before: Moment, context: &Context) -> Option<Moment> {
    let text = line.get(time.clone())?;
    if text.contains('T') {
        return parse_iso(text, context);
    }
    let Some((hour, rest)) = text.split_once(':') else {
        // journald writes its own as texts.
        let is_text = line[..time.start].ends_with('"');
        return if is_text {
            parse_unix_in(text, 1_000)
        } else {
            parse_json(&serde_json::from_str(text).ok()?, context)
        };
    };
    let (minute, rest) = rest.split_once(':')?;
    let (second, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let below = |text: &str, limit| text.parse::<i64>().ok().filter(|number| *number < limit);
    let (hour, minute, second) = (below(hour, 24)?, below(minute, 60)?, below(second, 60)?);
    let mut digits = fraction.chars().map(|c| c.to_digit(10)).chain([Some(0); 3]);
    let mut digit = || Some(i64::from(digits.next()??));
    let millisecond = (digit()? * 10 + digit()?) * 10 + digit()?;
    let of_day = ((hour * 60 + minute) * 60 + second) * 1_000 + millisecond;
    let offset = i64::from(context.utc_offset_seconds) * 1_000;
    let local = before.unix_ms().checked_add(offset)?;
    let day = local - local.rem_euclid(DAY_MS);
    Some(Moment::from_unix_ms(day + of_day - offset))
}
