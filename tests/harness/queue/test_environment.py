import pytest

from harness.queue.environment import carried


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        # Lmod 8.6 and Environment Modules 5 set these in a login shell.
        "BASH_ENV",
        "BASH_FUNC_module%%",
        "BASH_FUNC__module_raw%%",
        "LMOD_CMD",
        "LMOD_SYSTEM_DEFAULT_MODULES",
        "MODULEPATH",
        "MODULESHOME",
        "http_proxy",
        "HTTPS_PROXY",
        "no_proxy",
        "APPTAINER_CACHEDIR",
        "SINGULARITY_BIND",
    ],
)
def test_what_makes_the_environment_a_sites_travels_into_the_job(name):
    assert carried({name: "x"}) == {name: "x"}


@pytest.mark.parametrize(
    "name",
    [
        "APPTAINER_DOCKER_PASSWORD",
        "SINGULARITY_DOCKER_PASSWORD",
        "APPTAINER_ENCRYPTION_PASSPHRASE",
        "APPTAINER_ENCRYPTION_PEM_DATA",
        "LMOD_SITE_TOKEN",
        "MODULE_API_KEY",
        "JAMCAM_KEY",
        "GITHUB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
    ],
)
def test_a_secret_stays_whatever_its_name_begins_with(name):
    assert carried({name: "x"}) == {}


def test_a_proxy_whose_address_holds_a_password_stays():
    proxies = {"http_proxy": "http://me:open-sesame@proxy:3128", "https_proxy": "http://proxy:3128"}

    assert carried(proxies) == {"https_proxy": "http://proxy:3128"}


@pytest.mark.parametrize(
    "name",
    ["LOADEDMODULES", "SBATCH_ACCOUNT", "SLURM_RESTART_COUNT", "BASH_FUNC_ls%%", "APPTAINER_CONTAINER"],
)
def test_what_is_loaded_or_running_here_says_nothing_of_the_job(name):
    assert carried({name: "x"}) == {}
