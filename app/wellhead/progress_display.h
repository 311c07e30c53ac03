// How far loads are, for someone who waits: on a terminal as lines that change in place, otherwise as log lines.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "service/zipcode/runs.h"

namespace wellhead::app {

using SteadyTime = std::chrono::steady_clock::time_point;

// Rows a second over the last seconds, and how long it will take yet.
class ProgressRate {
 public:
  void add(SteadyTime now, const zipcode::Progress& progress);
  double rows_per_second() const;
  // Of patients of whom all is there, whatever types the load has; nullopt: the server gave no total.
  std::optional<double> fraction() const { return fraction_; }
  std::optional<double> seconds_left() const;

 private:
  struct Sample {
    SteadyTime time;
    std::int64_t rows = 0;
    double fraction = 0;
  };
  std::deque<Sample> samples_;
  std::optional<double> fraction_;
};

// "12 pages  637/1,204 patients  25,480 observations  12,300 rows/s  0 retries"
std::string progress_words(const zipcode::Progress& progress, const ProgressRate& rate);
// "0:04 left", or what it is doing otherwise.
std::string progress_state(const zipcode::Progress& progress, const ProgressRate& rate);
// Both on two lines of a terminal, with a bar.
std::string progress_lines(const zipcode::Progress& progress, const ProgressRate& rate, std::size_t width);

class ProgressDisplay {
 public:
  // terminal: whether standard error is one that may be drawn on.
  explicit ProgressDisplay(bool terminal) : terminal_(terminal) {}
  ~ProgressDisplay() { clear(); }
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  static bool standard_error_is_terminal();

  void update(SteadyTime now, const std::vector<zipcode::Progress>& runs);
  void clear();

 private:
  void draw(const std::vector<zipcode::Progress>& runs);
  void log(const std::vector<zipcode::Progress>& runs);

  bool terminal_;
  std::size_t drawn_lines_ = 0;
  std::optional<SteadyTime> last_log_;
  std::map<meta::RunId, ProgressRate> rates_;
};

}  // namespace wellhead::app
