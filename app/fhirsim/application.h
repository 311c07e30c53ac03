// All that fhirsim answers, over one thread: FHIR below /fhir with faults before and after, control below /admin.
//
//   PUT    /admin/resources            NDJSON: creates or replaces
//   PUT    /admin/resources?raw=TYPE&value=V   the body, served as it is where V fits (postal code, patient id)
//   DELETE /admin/resources/TYPE/ID
//   POST   /admin/faults               adds a rule or an array of rules (faults.h); PUT replaces all; DELETE clears
//   GET    /admin/faults               the rules, with what is left of `times` and how often each was applied
//   GET    /admin/log                  JSON lines, one a request; DELETE clears
//   GET    /admin/statistics
//   POST   /admin/reset                as started: changes, faults, page links and log are forgotten
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/fhirsim/faults.h"
#include "app/fhirsim/fhir.h"
#include "app/fhirsim/journal.h"
#include "app/fhirsim/message.h"
#include "app/fhirsim/store.h"

namespace wellhead::fhirsim {

class Application {
 public:
  struct Options {
    Store::Options store;
    FhirInteractions::Options fhir;
    std::vector<FaultRule> faults;
    std::uint64_t seed = 1;
    bool gzip = false;  // compress when the client accepts it
  };
  explicit Application(Options options);

  void handle(const Request& request, Reply& reply);
  bool holds(const Reply& reply) const { return reply.held_at == faults_.clearings(); }
  std::string statistics() const { return journal_.statistics(); }

 private:
  void answer_fhir(const Request& request, Reply& reply);
  void answer_admin(const Request& request, Reply& reply);
  void admin_resources(const Request& request, Reply& reply);
  void admin_faults(const Request& request, Reply& reply);
  void admin_log(const Request& request, Reply& reply);
  void reset();
  // Faults instead of an answer; true when there was one.
  bool interfere_before(const Request& request, FaultSubject& subject, Reply& reply);
  bool refuse_token(const Request& request, FaultSubject& subject, Reply& reply);
  bool throttle(FaultSubject& subject, Reply& reply);
  // Faults of an answer that is ready, and of how it reaches the client.
  void change_body(FaultSubject& subject, Reply& reply);
  void choose_ending(FaultSubject& subject, Reply& reply);

  Options options_;
  Store store_;
  Faults faults_;
  FhirInteractions fhir_;
  RequestJournal journal_;
  std::uint64_t requests_ = 0;
  Instant second_ = 0;  // of the wall clock, for rates
  std::int64_t seen_in_second_ = 0;
};

}  // namespace wellhead::fhirsim
