/** What Element Web's `config.json` needs to know of this node. */
export interface ElementConfigInput {
  readonly clientApi: string
  readonly serverName: string
}

/**
 * Element Web's configuration: this node's client API, local login at once, and nothing that would call a server of
 * anybody else's (integrations, maps, analytics, bug reports).
 */
export function elementConfig({ clientApi, serverName }: ElementConfigInput): object {
  return {
    default_server_config: { 'm.homeserver': { base_url: clientApi, server_name: serverName } },
    brand: 'Element',
    disable_guests: true,
    disable_3pid_login: true,
    // Straight to the node's own login page, where one button is enough.
    sso_redirect_options: { immediate: true },
    default_federate: true,
    default_theme: 'light',
    integrations_ui_url: '',
    integrations_rest_url: '',
    integrations_widgets_urls: [],
    bug_report_endpoint_url: '',
    map_style_url: '',
    room_directory: { servers: [] },
    show_labs_settings: false,
    setting_defaults: { 'UIFeature.identityServer': false, 'UIFeature.feedback': false },
  }
}
