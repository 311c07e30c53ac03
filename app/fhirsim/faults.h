// Faults on demand. A rule says what goes wrong, for which requests, how often:
//
//   {"kind": "server_error", "match": "Observation", "times": 3, "probability": 0.5, "status": 503}
//
// Every kind takes `match` (only requests whose target, with a form's body after `?`, contains it), `method`, `after`
// (spare the first n that match), `times` (then no more) and `probability`. The kinds, in the order they are tried:
//
//   latency            ms, jitter_ms                    waits before answering
//   hold                                                answers when the rules are cleared, not before
//   reset                                               closes the connection (RST) instead of answering
//   bearer             token                            401 unless `Authorization: Bearer TOKEN`; a later rule's token
//   wins too_many_requests  rps, retry_after                 429, above rps requests a second or (rps 0) always;
//                                                       retry_after: seconds, or `date+N` for an HTTP date N seconds
//                                                       ahead
//   server_error       status (503), retry_after        5xx with an OperationOutcome
//   html_error         status (502)                     an HTML page; status 200 is a proxy's "log in" page
//   redirect           url, status (307)                to the same path below url
//   expire_pages       uses, ms                         a page link is gone (410) after n uses, or ms after its search
//   short_list         above (1), fraction (0.1)        comma lists of more than `above` ids lose observations in
//   silence repeat_entries     count (1)                        a page begins with the last entries of the page before
//   self_link                                           the next link is the page itself
//   foreign_next       url                              the next link is at another origin
//   no_next                                             the next link is missing
//   wrong_total        by (1)                           total and _summary=count are off by n
//   malformed          what, every (1), id              a resource in a page is damaged: one in `every`, chosen by its
//                                                       id, or the one with `id`. what: bad_utf8, truncated_json,
//                                                       missing_id, wrong_type, wrong_resource_type, impossible_date,
//                                                       wrong_reference, nul
//   oversize           bytes                            blanks at the end of the body
//   deep               depth                            an extension nested so deep in the body
//   truncate           bytes (half)                     closes the connection after so much of the body
//   reset_in_body      bytes (half)                     RST after so much of the body
//   drip               bytes (1), ms (10)               sends the body in pieces of so many bytes, ms apart
//
// Chance is drawn from the seed, the rule, the target and how often that target was asked, so a run repeats itself
// whatever the order in which concurrent requests arrive.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "library/meta/describe.h"

namespace wellhead::fhirsim {

struct FaultRule {
  std::string kind;
  std::string match;
  std::string method;
  std::int64_t after = 0;
  std::int64_t times = -1;  // -1: without end
  double probability = 1;

  std::int64_t ms = -1;
  std::int64_t jitter_ms = 0;
  std::int64_t rps = 0;
  std::int64_t status = 0;
  std::string retry_after;
  std::string token;
  std::string url;
  std::string what;
  std::string id;
  std::int64_t every = 1;
  std::int64_t uses = -1;
  std::int64_t bytes = -1;
  std::int64_t count = 1;
  std::int64_t above = 1;
  std::int64_t by = 1;
  std::int64_t depth = 2000;
  double fraction = 0.1;

  std::uint64_t fired = 0;  // how often it was applied; an answer, not a setting

  static constexpr auto kFields =
      meta::fields(meta::field("kind", &FaultRule::kind), meta::field("match", &FaultRule::match),
                   meta::field("method", &FaultRule::method), meta::field("after", &FaultRule::after),
                   meta::field("times", &FaultRule::times), meta::field("probability", &FaultRule::probability),
                   meta::field("ms", &FaultRule::ms), meta::field("jitter_ms", &FaultRule::jitter_ms),
                   meta::field("rps", &FaultRule::rps), meta::field("status", &FaultRule::status),
                   meta::field("retry_after", &FaultRule::retry_after), meta::field("token", &FaultRule::token),
                   meta::field("url", &FaultRule::url), meta::field("what", &FaultRule::what),
                   meta::field("id", &FaultRule::id), meta::field("every", &FaultRule::every),
                   meta::field("uses", &FaultRule::uses), meta::field("bytes", &FaultRule::bytes),
                   meta::field("count", &FaultRule::count), meta::field("above", &FaultRule::above),
                   meta::field("by", &FaultRule::by), meta::field("depth", &FaultRule::depth),
                   meta::field("fraction", &FaultRule::fraction), meta::field("fired", &FaultRule::fired));
};

// One JSON object, or an array of them. Throws meta::Error{invalid_input} for an unknown kind, `what` or field.
std::vector<FaultRule> parse_fault_rules(std::string_view json);
// The short form of the command line: `server_error,match=Observation,times=3`.
FaultRule parse_fault_words(std::string_view words);

// What the faults may know of a request, and which of them were applied to it.
struct FaultSubject {
  std::string_view method;
  std::string text;  // target, and a form's body after `?`
  std::vector<std::string> applied;
};

class Faults {
 public:
  explicit Faults(std::uint64_t seed) : seed_(seed) {}

  void add(std::vector<FaultRule> rules);
  void clear();
  const std::vector<FaultRule>& rules() const { return rules_; }
  bool empty() const { return rules_.empty(); }
  std::uint64_t clearings() const { return clearings_; }  // how often clear() was called

  // The first rule of this kind that hits the request now; it counts as applied. nullptr: none.
  const FaultRule* fire(std::string_view kind, FaultSubject& subject);
  // As fire, but neither counted nor drawn yet: for faults that show only further on. Follow with apply().
  FaultRule* find(std::string_view kind, const FaultSubject& subject);
  bool apply(FaultRule& rule, FaultSubject& subject);

 private:
  static bool hits(const FaultRule& rule, std::string_view kind, const FaultSubject& subject);
  double draw(const FaultRule& rule, const FaultSubject& subject);

  std::uint64_t seed_;
  std::uint64_t clearings_ = 0;
  std::vector<FaultRule> rules_;
  std::unordered_map<std::uint64_t, std::uint32_t> draws_;  // per rule and target
};

}  // namespace wellhead::fhirsim
