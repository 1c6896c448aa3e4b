# Flags for everything of ours, on one interface target.
add_library(twofold_options INTERFACE)
add_library(twofold::options ALIAS twofold_options)
target_compile_options(twofold_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -fstack-protector-strong
    $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)
target_include_directories(twofold_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_features(twofold_options INTERFACE cxx_std_20)
if(TWOFOLD_SANITIZE)
    target_compile_options(twofold_options INTERFACE
        -fsanitize=${TWOFOLD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(twofold_options INTERFACE -fsanitize=${TWOFOLD_SANITIZE})
endif()
if(TWOFOLD_FUZZ)  # coverage for the fuzzer; its main comes with the targets alone
    target_compile_options(twofold_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# twofold_library(NAME SOURCES... [LINK targets...] [PRIVATE targets...]): one module, one library.
# Its target is twofold_NAME with the alias twofold::NAME.
function(twofold_library name)
    cmake_parse_arguments(arg "" "" "SOURCES;LINK;PRIVATE" ${ARGN})
    add_library(twofold_${name} STATIC ${arg_SOURCES})
    add_library(twofold::${name} ALIAS twofold_${name})
    target_link_libraries(twofold_${name} PUBLIC twofold::options ${arg_LINK} PRIVATE ${arg_PRIVATE})
endfunction()

# twofold_test(NAME SOURCES... LINK targets... [LABELS labels...]): one GoogleTest program. Its
# tests are registered with CTest one by one, labelled for the presets: `unit` runs everywhere,
# `asan` and `tsan` say which sanitizer runs it too, `mount` needs FUSE.
include(GoogleTest)
add_custom_target(asan_tests)
add_custom_target(tsan_tests)
function(twofold_test name)
    cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 300)
    endif()
    add_executable(${name} ${arg_SOURCES})
    target_link_libraries(${name} PRIVATE twofold::options twofold::test_support ${arg_LINK})
    target_compile_definitions(${name} PRIVATE
        TWOFOLD_FIXTURES="${PROJECT_SOURCE_DIR}/fixtures")
    # One label, "unit+asan+tsan": gtest_discover_tests takes a list apart and loses all but the
    # first. The presets' filters are regular expressions and find their part of it.
    list(JOIN arg_LABELS "+" labels)
    gtest_discover_tests(${name} NO_PRETTY_VALUES PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS ${labels}
                         DISCOVERY_TIMEOUT 60)
    foreach(sanitizer asan tsan)
        if(${sanitizer} IN_LIST arg_LABELS)
            add_dependencies(${sanitizer}_tests ${name})
        endif()
    endforeach()
endfunction()
