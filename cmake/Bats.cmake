# twofold_bats(FILE... [LABELS labels...] [TIMEOUT seconds]): tests written for bats. Each @test is
# a test of CTest with the same name, so that one summary counts them all and they run side by side.
find_program(BATS bats)
function(twofold_bats)
    cmake_parse_arguments(arg "" "TIMEOUT" "LABELS" ${ARGN})
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 300)
    endif()
    foreach(file ${arg_UNPARSED_ARGUMENTS})
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
        get_filename_component(group ${file} NAME_WE)
        file(STRINGS ${file} lines REGEX "^@test \".*\" {$")
        if(NOT lines)
            message(FATAL_ERROR "${file}: no @test found")
        endif()
        foreach(line IN LISTS lines)
            string(REGEX REPLACE "^@test \"(.*)\" {$" "\\1" name "${line}")
            if(NOT name MATCHES "^[A-Za-z0-9_ ,:'=/.-]+$")
                message(FATAL_ERROR "${file}: '${name}': letters, digits and , : ' = / . - only")
            endif()
            string(REPLACE "." "\\." pattern "${name}")
            add_test(NAME "${group}: ${name}"
                     COMMAND ${BATS} --filter "^${pattern}$" ${CMAKE_CURRENT_SOURCE_DIR}/${file})
            set_tests_properties("${group}: ${name}" PROPERTIES
                LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
                SKIP_REGULAR_EXPRESSION "# skip"
                FAIL_REGULAR_EXPRESSION "1\\.\\.0"  # the filter found no test
                ENVIRONMENT "TWOFOLD_BUILD=${CMAKE_BINARY_DIR}")
        endforeach()
    endforeach()
endfunction()
