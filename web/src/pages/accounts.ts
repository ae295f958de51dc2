// What a guest who only chats does not need, as one part of the bundle that is loaded when it is.
export { KeptHistory } from "../parts/KeptHistory";
export { TakeOver } from "../parts/TakeOver";
export { WhoItIs } from "../parts/WhoItIs";
export { SharedPage } from "./SharedPage";
export { LogInPage } from "./entry/LogInPage";
export { ProviderPage } from "./entry/ProviderPage";
export { ResetPage } from "./entry/ResetPage";
export { SetUpPage } from "./entry/SetUpPage";
export { SignUpPage } from "./entry/SignUpPage";
export { VerifyPage } from "./entry/VerifyPage";
export { OperatorPage } from "./operator/OperatorPage";
export { ReceiptPage } from "./settings/ReceiptPage";
export { SettingsPage } from "./settings/SettingsPage";
