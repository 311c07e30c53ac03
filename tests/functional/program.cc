#include "tests/functional/program.h"

#include <algorithm>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <utility>

#include "library/webserver/testing/raw_client.h"
#include "tests/fixture/process.h"
#include "tests/fixture/wait.h"

namespace wellhead::functional {
namespace {

using fixture::FhirSim;

// The patient of a search for one patient's observations.
std::optional<std::string> patient_of(const FhirSim::LoggedRequest& request) {
  constexpr std::string_view parameter = "patient=";
  const auto& target = request.target;
  const auto at = target.find(parameter);
  if (target.find("/Observation?") == std::string::npos || at == std::string::npos) return std::nullopt;
  if (target.find("_summary") != std::string::npos) return std::nullopt;
  const auto begin = at + parameter.size();
  return target.substr(begin, target.find('&', begin) - begin);
}

// Observations fit on one page, so every page link is the patient search's.
bool is_patient_page(const FhirSim::LoggedRequest& request) {
  const auto& target = request.target;
  if (target.find("_getpages") != std::string::npos) return true;
  return target.find("/Patient?") != std::string::npos && target.find("_summary") == std::string::npos;
}

bool answered_whole(const FhirSim::LoggedRequest& request) {
  const auto damaged = [](const std::string& fault) { return fault != "latency"; };
  return request.status == 200 && std::ranges::none_of(request.faults, damaged);
}

}  // namespace

std::map<std::string, std::string> program_settings(const Warehouse& warehouse, const FhirSim& server) {
  return {{"WELLHEAD_SOURCE_URL", server.base_url()},  {"WELLHEAD_DATABASE_URL", warehouse.database_url()},
          {"WELLHEAD_BLOB_URL", warehouse.blob_url()}, {"WELLHEAD_HOME", warehouse.blob_directory().string() + "/home"},
          {"WELLHEAD_OBSERVATIONS", "per-patient"},    {"WELLHEAD_PAGE_SIZE", "20"}};
}

void request_load(std::map<std::string, std::string> settings, const std::string& zip) {
  settings["WELLHEAD_LISTEN"] = "127.0.0.1:0";
  fixture::Process serve(WELLHEAD_PROGRAM, {"serve"}, settings);
  const auto fail = [&](const std::string& what) {
    throw std::runtime_error(what + "; it wrote:\n" + serve.output() + serve.errors());
  };
  std::string said;
  fixture::wait_until([&] {
    said = serve.output();
    return said.find('\n') != std::string::npos || !serve.running();
  });
  const auto port = said.rfind(':');
  if (port == std::string::npos) fail("`wellhead serve` did not start");
  const auto answer = webserver::testing::post_json(static_cast<std::uint16_t>(std::stoi(said.substr(port + 1))),
                                                    "/zipcodes", R"({"zipcode":")" + zip + R"("})");
  if (answer.status != 202) fail("POST /zipcodes was answered with " + std::to_string(answer.status));
  serve.signal(SIGTERM);
  if (serve.wait() != 0) fail("`wellhead serve` did not end well");
}

bool owns(const Warehouse& warehouse, pid_t process) {
  return warehouse.value("SELECT coalesce(owner, '') FROM wellhead_journal.lease")
      .starts_with("process " + std::to_string(process) + " ");
}

FetchProof::Staged FetchProof::look(const Warehouse& warehouse) {
  Staged known;
  if (warehouse.value("SELECT coalesce(to_regclass('staged_batch')::text, '')").empty()) return known;
  auto connection = warehouse.connect();
  const auto staged =
      connection.query("SELECT batch, resource_type, (result->>'pages')::bigint FROM staged_batch ORDER BY batch");
  for (int row = 0; row < staged.rows(); ++row) {
    if (staged.text(row, 1) == "Patient") {
      known.pages += static_cast<std::size_t>(staged.integer(row, 2));
    } else {
      known.batches.push_back(staged.integer(row, 0));
    }
  }
  const auto patients = connection.query("SELECT patient_id FROM run_patient WHERE ordinal >= 0 ORDER BY ordinal");
  if (std::cmp_less(patients.rows(), patients_.size())) return known;
  patients_.clear();
  for (int row = 0; row < patients.rows(); ++row) patients_.emplace_back(patients.text(row, 0));
  return known;
}

void FetchProof::settle(Staged staged, const FhirSim& server) {
  notes_.push_back({.requests = server.request_log().size(), .staged = std::move(staged)});
}

// From which request on a patient's observations must not be searched. Batches are cut from the run's patients in the
// order of their numbers, so the sums of their sizes tell whose they are.
std::map<std::string, std::size_t> FetchProof::finished_patients(const Warehouse& warehouse, Figures& figures) const {
  auto connection = warehouse.connect();
  const auto ranges = connection.query(
      "SELECT batch, sum(patients) OVER (ORDER BY batch) - patients, patients FROM (SELECT batch, "
      "(result->>'patients')::bigint AS patients FROM staged_batch WHERE resource_type = 'Observation') sizes");
  std::map<std::string, std::size_t> finished;
  for (int row = 0; row < ranges.rows(); ++row) {
    figures.largest_batch = std::max(figures.largest_batch, ranges.integer(row, 2));
    const auto noted = std::ranges::find_if(notes_, [&](const Note& note) {
      return std::ranges::binary_search(note.staged.batches, ranges.integer(row, 0));
    });
    if (noted == notes_.end()) continue;
    const auto first = static_cast<std::size_t>(ranges.integer(row, 1));
    for (auto at = first; at < first + static_cast<std::size_t>(ranges.integer(row, 2)); ++at) {
      finished.emplace(patients_.at(at), noted->requests);
    }
  }
  return finished;
}

FetchProof::Figures FetchProof::figures(const Warehouse& warehouse, const FhirSim& server) const {
  Figures figures;
  const auto finished = finished_patients(warehouse, figures);
  const auto log = server.request_log();
  std::map<std::string, int> answers;
  std::vector<std::string> pages;  // in the order in which they were first asked for, which is that of their batches
  for (std::size_t at = 0; at < log.size(); ++at) {
    const auto& target = log[at].target;
    const auto patient = patient_of(log[at]);
    if (patient) {
      const auto end = finished.find(*patient);
      if (end != finished.end() && at >= end->second) figures.fetched_again.push_back(target);
    } else if (is_patient_page(log[at])) {
      const auto page = static_cast<std::size_t>(std::ranges::find(pages, target) - pages.begin());
      if (page == pages.size()) pages.push_back(target);
      const bool staged_before = std::ranges::any_of(
          notes_, [&](const Note& note) { return page < note.staged.pages && at >= note.requests; });
      if (staged_before) figures.fetched_again.push_back(target);
    } else {
      continue;
    }
    if (!answered_whole(log[at])) continue;
    ++figures.searches;
    if (++answers[target] > 1) ++figures.repeated;
  }
  return figures;
}

}  // namespace wellhead::functional
