// The engine that WELLHEAD_ENGINE names.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "library/meta/settings.h"
#include "library/orchestration/engine.h"
#include "library/orchestration/journal.h"
#include "library/orchestration/observer.h"
#include "library/orchestration/registry.h"

namespace wellhead::app {

inline constexpr int kLoadingSlots = 2;
inline constexpr int kDefaultSlots = 2;
inline constexpr std::chrono::seconds kStopGrace{2};  // a step that is nearly done need not be done again

bool on_temporal(const meta::Settings& settings);

// Threads by queue.
std::map<std::string, std::size_t> engine_slots(const meta::Settings& settings);

struct ChosenEngine {
  std::unique_ptr<orchestration::Engine> engine;
  std::function<void()> begin;  // it runs workflows and activities from then on
  // Why it does not reach its server just now, or nothing; blocks for some seconds at most. Empty: it has no server.
  std::function<std::string()> look_for_problem = {};
};

// Asked while Temporal's server is out of reach at the start: whether to wait for it. Empty: no.
using KeepTrying = std::function<bool()>;

// All given outlive the engine. Error{invalid_setting}: this program was built without it. Error{engine_unreachable},
// Error{engine_refused}: Temporal's server does not answer, or does not let us.
ChosenEngine choose_engine(const meta::Settings& settings, orchestration::Journal& journal,
                           const orchestration::Registry& registry, orchestration::EngineObserver& observer,
                           const KeepTrying& keep_trying);

// For people: which Temporal server and namespace the settings name, which answered. Throws like choose_engine.
std::string examine_temporal(const meta::Settings& settings);

// Of engine_on_temporal.cc, or of engine_without_temporal.cc in a program that is built without it.
ChosenEngine engine_on_temporal(const meta::Settings& settings, const orchestration::Registry& registry,
                                orchestration::EngineObserver& observer, const KeepTrying& keep_trying);

}  // namespace wellhead::app
